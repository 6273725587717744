"""A small world below the sync engine: people, a segment, and its ledger, written as the apps that own them would."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from django.db import connection

from connectors import selectors, services
from connectors.contracts import DestinationView, RunView, SyncView, Worked
from connectors.syncs.models import Delivery, Run
from tests.connectors.receiver import Receiver

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
BY = "alice@example.com"


@dataclass
class World:
    """Time passes only when `later` is called."""

    drop_folder: Path
    segment_id: int = 7
    now: datetime = START
    _profiles: set[int] = field(default_factory=set)

    def sql(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def make_segment(self) -> None:
        self.sql(
            """insert into segments_segment (id, slug, name, description, owner, rule, version, created_by, created_at,
               changed_at, tags)
               values (%s, 'vips', 'VIPs', '', '', '{"trait": "plan", "is": "exists"}', 1, '', %s, %s, '[]')""",
            self.segment_id, self.now, self.now,
        )  # fmt: skip

    def person(self, profile_id: int, email: str | None = None, **traits: Any) -> int:
        """A profile founded by a user id, perhaps with an e-mail address."""
        self.sql(
            """insert into identity_identifier (id, kind, value, component_id, profile_id, first_seen_at)
               values (%s, 'user_id', %s, %s, %s, %s)""",
            profile_id, f"user-{profile_id}", profile_id, profile_id, self.now,
        )  # fmt: skip
        self.sql(
            "insert into identity_profile (id, traits, created_at, updated_at) values (%s, %s, %s, %s)",
            profile_id, orjson.dumps(traits).decode(), self.now, self.now,
        )  # fmt: skip
        if email:
            self.add_email(profile_id, email)
        return profile_id

    def people(self, ids: range) -> list[int]:
        """Many at once, each with an e-mail address."""
        self.sql(
            """insert into identity_identifier (id, kind, value, component_id, profile_id, first_seen_at)
               select n, 'user_id', 'user-' || n, n, n, %s from generate_series(%s, %s) n""",
            self.now, ids.start, ids.stop - 1,
        )  # fmt: skip
        self.sql(
            """insert into identity_profile (id, traits, created_at, updated_at)
               select n, '{}', %s, %s from generate_series(%s, %s) n""",
            self.now, self.now, ids.start, ids.stop - 1,
        )  # fmt: skip
        return list(ids)

    def add_email(self, profile_id: int, email: str) -> None:
        self.sql(
            """insert into identity_identifier (id, kind, value, component_id, profile_id, first_seen_at)
               values ((select max(id) + 1000000 from identity_identifier), 'email', %s, %s, %s, %s)""",
            email, profile_id, profile_id, self.now,
        )  # fmt: skip

    def set_traits(self, profile_id: int, **traits: Any) -> None:
        self.sql("update identity_profile set traits = %s where id = %s", orjson.dumps(traits).decode(), profile_id)

    def merge(self, survivor: int, retired: int) -> None:
        """As a merge leaves it: identifiers moved, the retired profile gone, its membership ended in the ledger."""
        self.sql("update identity_identifier set profile_id = %s where profile_id = %s", survivor, retired)
        self.sql("delete from identity_profile where id = %s", retired)

    def enter(self, *profile_ids: int, reason: str = "event") -> None:
        self._ledger(profile_ids, True, reason)

    def leave(self, *profile_ids: int, reason: str = "event") -> None:
        self._ledger(profile_ids, False, reason)

    def _ledger(self, profile_ids: tuple[int, ...], entered: bool, reason: str) -> None:
        self.sql(
            """insert into segments_change (segment_id, profile_id, entered, at, reason, version)
               select %s, unnest(%s::bigint[]), %s, %s, %s, 1""",
            self.segment_id, list(profile_ids), entered, self.now, reason,
        )  # fmt: skip
        self.sql(
            """insert into segments_membership as m (profile_id, bits)
               select unnest(%s::bigint[]), set_bit('\\x0000'::bytea, %s, %s)
               on conflict (profile_id) do update set bits = excluded.bits""",
            list(profile_ids), self.segment_id, int(entered),
        )  # fmt: skip

    def webhook(self, receiver: Receiver, **more: Any) -> DestinationView:
        return services.create_destination(
            kind="webhook", name=more.pop("name", "Shop"), settings={"url": receiver.url}, by=BY, now=self.now,
            calls_per_second=more.pop("calls_per_second", 5000), **more,
        )  # fmt: skip

    def filedrop(self, **settings: Any) -> DestinationView:
        return services.create_destination(kind="filedrop", name="Files", settings=settings, by=BY, now=self.now)

    def sync(self, destination: DestinationView, **more: Any) -> SyncView:
        return services.create_sync(
            segment_id=self.segment_id, destination_id=destination.id, by=BY, now=self.now, **more
        )  # fmt: skip

    def turn(self, sync: SyncView) -> Worked:
        """One turn at the present time."""
        return services.deliver_due(sync_id=sync.id, now=self.now)

    def until_idle(self, sync: SyncView, *, hours: float = 12) -> None:
        """Turns, ten minutes apart, until nothing is to be done."""
        end = self.now + timedelta(hours=hours)
        self.turn(sync)
        while selectors.pending_deliveries() and self.now < end:
            self.later(minutes=10)
            self.turn(sync)

    def states(self, sync: SyncView) -> dict[str, int]:
        """How many deliveries are in each state."""
        rows = Delivery.objects.filter(sync_id=sync.id).values_list("state", flat=True)
        return {state: list(rows).count(state) for state in set(rows)}

    def latest_run(self, sync: SyncView) -> RunView:
        return selectors.runs(sync_id=sync.id)[0]

    def open_runs(self, sync: SyncView) -> int:
        return Run.objects.filter(sync_id=sync.id).exclude(state="done").count()
