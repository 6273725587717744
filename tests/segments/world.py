"""A small world for tests of segments: people, events and their merges, written where the product writes them."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg

from common import clock, pg
from segments import services
from segments.compile import compile_rule
from segments.contracts import Activity, SegmentView
from segments.hierarchy import expanded
from segments.parsing import parse_rule
from segments.rules import Node
from segments.services import Memory
from segments.services.memory import load_rules

NOON = datetime(2026, 6, 15, 12, 0, 30, tzinfo=UTC)
Event = tuple[int, datetime, str, dict[str, Any]]

_IDENTIFIER = """
insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
overriding system value values (%s, 'anonymous_id', %s, %s, %s, '', %s)
"""
_PROFILE = """
insert into identity_profile (id, traits, created_at, updated_at) values (%s, %s, %s, %s)
"""
_EVENT = """
insert into events_event
    (identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties, envelope)
values (%s, %s, %s, 1, 'track', %s, %s, %s, '{}')
"""


class World:
    """Identifier n founds profile n. Events wait until `apply`, as in the pipeline; the log has them at once."""

    def __init__(self) -> None:
        self.conn = pg.raw()
        self.memory = Memory()
        self.owner: dict[int, int] = {}
        self._waiting: list[Event] = []
        self._born: list[int] = []
        self._messages = 0
        with psycopg.Cursor(self.conn) as cursor:
            # One partition for all times; it goes with the test's transaction.
            cursor.execute("create table events_event_of_all_times partition of events_event default")

    def person(self, *ids: int, traits: dict[str, Any] | None = None) -> None:
        """Identifiers that are one person from the start; the profile is the first one's."""
        profile = ids[0]
        with psycopg.Cursor(self.conn) as cursor:
            for one in ids:
                cursor.execute(_IDENTIFIER, [one, f"a{one}", profile, profile, NOON])
                self.owner[one] = profile
            cursor.execute(_PROFILE, [profile, json.dumps(traits or {}), NOON, NOON])
        self._born.append(profile)

    def happens(self, identifier: int, at: datetime, name: str, **properties: Any) -> None:
        """An event, in the log at once and counted with the next `apply`."""
        self._messages += 1
        with psycopg.Cursor(self.conn) as cursor:
            cursor.execute(_EVENT, [identifier, at, at, name, f"m{self._messages}", json.dumps(properties)])
        self._waiting.append((identifier, at, name, properties))

    def learns(self, profile: int, traits: dict[str, Any], *, now: datetime) -> int:
        """The profile has these traits from now on."""
        with psycopg.Cursor(self.conn) as cursor:
            cursor.execute("update identity_profile set traits = %s where id = %s", [json.dumps(traits), profile])
        return self.apply(now, touched_traits={profile})

    def moves(self, identifiers: Iterable[int], to: int, *, now: datetime) -> int:
        """Identifiers go to another profile, which is born or retired as needed."""
        moved = [(one, self.owner[one], to) for one in identifiers if self.owner[one] != to]
        before = set(self.owner.values())
        self.owner.update({one: to for one, _, _ in moved})
        after = set(self.owner.values())
        with psycopg.Cursor(self.conn) as cursor:
            for one, _, _ in moved:
                cursor.execute("update identity_identifier set profile_id = %s where id = %s", [to, one])
            for profile in before - after:
                cursor.execute("delete from identity_profile where id = %s", [profile])
            for profile in after - before:
                cursor.execute(_PROFILE, [profile, "{}", now, now])
        return self.apply(now, moved=moved, retired=before - after)

    def apply(
        self,
        now: datetime,
        *,
        moved: Sequence[tuple[int, int, int]] = (),
        retired: Iterable[int] = (),
        touched_traits: Iterable[int] = (),
    ) -> int:
        """What the pipeline does at the end of a batch; the number of ledger rows."""
        batch, self._waiting = self._waiting, []
        born, self._born = self._born, []
        activity = Activity(
            identifier_ids=np.array([one[0] for one in batch], dtype=np.int64),
            profile_ids=np.array([self.owner[one[0]] for one in batch], dtype=np.int64),
            names=[one[2] for one in batch],
            at_us=np.array([clock.micros(one[1]) for one in batch], dtype=np.int64),
            properties=[json.dumps(one[3]).encode() if one[3] else None for one in batch],
        )
        return services.follow(
            self.conn,
            activity=activity,
            moved=moved,
            retired=list(retired),
            touched_traits=set(touched_traits) | set(born),
            created=born,
            memory=self.memory,
            now=now,
        )

    def forgets(self, names: Sequence[str], before: datetime, *, now: datetime) -> int:
        """Events leave the log, as retention takes them out; the number of ledger rows."""
        query = "delete from events_event where name = any(%s) and occurred_at < %s returning identifier_id, name"
        with psycopg.Cursor(self.conn) as cursor:
            gone = cursor.execute(query, [list(names), before]).fetchall()
        return self._recount(gone, "retention", now)

    def rehangs(self, identifier: int, to: int, name: str, *, now: datetime) -> int:
        """Events hang on another identifier, as a replay of the log may find; the number of ledger rows."""
        query = "update events_event set identifier_id = %s where identifier_id = %s and name = %s returning name"
        with psycopg.Cursor(self.conn) as cursor:
            moved = cursor.execute(query, [to, identifier, name]).fetchall()
        return self._recount([(one, name) for one in (identifier, to) if moved], "replay", now)

    def _recount(self, events: Sequence[tuple[Any, ...]], reason: str, now: datetime) -> int:
        return services.recount(
            self.conn, identifier_ids={one[0] for one in events}, names={one[1] for one in events}, now=now,
            reason=reason,
        )  # fmt: skip

    def segment(self, rule: Any, *, now: datetime = NOON, slug: str = "") -> SegmentView:
        """A published segment; the memory forgets, as it does when another process had the turn."""
        self._messages += 1
        found = services.create_segment(
            name=slug or f"Segment {self._messages}", slug=slug, rule=rule, by="ada", now=now
        )
        self.memory.forget()
        return found

    def oracle(self, rule: Any, *, now: datetime) -> set[int]:
        """Who meets the rule by the log alone."""
        node = rule if isinstance(rule, Node) else parse_rule(rule)
        statement = compile_rule(expanded(node, load_rules(self.conn)), now=now)
        with psycopg.Cursor(self.conn) as cursor:
            return {row[0] for row in cursor.execute(statement.text, statement.params).fetchall()}

    def stored(self, segment_id: int) -> set[int]:
        """Who is in the segment by the stored bits."""
        query = """select profile_id from segments_membership
                   where octet_length(bits) > %(id)s / 8 and get_bit(bits, %(id)s) = 1"""
        with psycopg.Cursor(self.conn) as cursor:
            return {row[0] for row in cursor.execute(query, {"id": segment_id}).fetchall()}

    def folded(self, segment_id: int) -> set[int]:
        """Who is in the segment by the ledger, which must enter and leave in turns."""
        query = "select profile_id, entered from segments_change where segment_id = %s order by seq"
        members: set[int] = set()
        with psycopg.Cursor(self.conn) as cursor:
            for profile, entered in cursor.execute(query, [segment_id]).fetchall():
                assert entered != (profile in members)
                (members.add if entered else members.remove)(profile)
        return members

    def changes(self, segment_id: int) -> list[tuple[int, bool, str]]:
        query = "select profile_id, entered, reason from segments_change where segment_id = %s order by seq"
        with psycopg.Cursor(self.conn) as cursor:
            return list(cursor.execute(query, [segment_id]).fetchall())

    def start_over(self) -> None:
        """Forget what a transaction that was rolled back had made."""
        self.memory.forget()
        self.owner.clear()
        self._waiting.clear()
        self._born.clear()
