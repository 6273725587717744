"""A town of people, told of by files and calls, and all that is shown of it."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import zstandard
from django.db import connection

from cdp.pipeline import undoing
from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import selectors, services
from connectors.contracts import ImportView
from events import services as events
from identity import selectors as identity
from tests.applying import apply_all

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = ("id", "mail", "when", "plan", "amount")
IDS = [{"name": "id", "to": "identifiers.user_id"}, {"name": "mail", "to": "identifiers.email"}]
WHEN = {"name": "when", "to": "timestamp"}
PEOPLE = {"rows": "identify", "columns": [*IDS, WHEN, {"name": "plan", "to": "traits.plan"}]}
AMOUNT = {"name": "amount", "to": "properties.amount", "kind": "number"}
ORDERS = {"rows": "track", "event": "Order Completed", "columns": [*IDS, WHEN, AMOUNT]}
RULES: dict[str, Any] = {
    "buyers": {"event": "Order Completed", "count": {"is": "gte", "value": 2}},
    "dear": {"event": "Order Completed", "max": {"property": "amount", "is": "gte", "value": 5}},
    "choosy": {"event": "Order Completed", "distinct": {"property": "amount", "is": "gte", "value": 2}},
    "pro": {"trait": "plan", "is": "eq", "value": "pro"},
}


class Town:
    """Sources, an applier, and everything that comes in; identifiers begin with a word, so that towns do not meet."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.sources = [services.create_source(name=f"{word} {n}", kind="offline", by="ann").id for n in range(2)]
        self.applier = Applier()

    def apply(self) -> None:
        apply_all(self.applier, now=clock.now())

    def calls(self, source: int, *calls: dict[str, Any]) -> None:
        """Calls on HTTP."""
        with pg.connect(autocommit=True) as conn:
            events.store(
                conn, source_id=self.sources[source], document=json.dumps({"batch": calls}).encode(), events=len(calls),
                client_ip=None, received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
        self.apply()

    def file(self, source: int, rows: list[dict[str, Any]], mapping: dict[str, Any]) -> int:
        """A file that comes in."""
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(rows)
        draft = services.take_file(
            source_id=self.sources[source], name="rows.csv", chunks=[text.getvalue().encode()], by="ann",
            now=clock.now(),
        )  # fmt: skip
        services.request_run(import_id=draft.id, mapping=mapping, dry=False, by="ann", now=clock.now())
        services.run_imports(now=clock.now(), only=draft.id)
        self.apply()
        return draft.id

    def undo(self, import_id: int, *, dry: bool = False) -> ImportView:
        services.request_undo(import_id=import_id, dry=dry, by="ann", now=clock.now())
        assert undoing.run_undos(now=clock.now()) == 1
        done = selectors.one_import(import_id)
        assert done is not None
        assert done.undo_error == ""
        return done

    def shown(self) -> dict[str, Any]:
        """Everything that is shown of this town, without numbers that depend on the order of arrival."""
        rows = rows_of("select id, kind, value, profile_id, quarantine, first_seen_at from identity_identifier")
        mine = [one for one in rows if self.word in one[2]]
        keys = {one[0]: (one[1], one[2].replace(self.word, "")) for one in mine}
        groups: dict[int, set[tuple[str, str]]] = {}
        for one in mine:
            groups.setdefault(one[3], set()).add(keys[one[0]])
        return {
            "identifiers": {(*keys[one[0]], *one[4:]) for one in mine},
            "people": {frozenset(who): self._person(profile) for profile, who in groups.items()},
            **self._evidence(keys),
        }

    def _evidence(self, keys: dict[int, tuple[str, str]]) -> dict[str, Any]:
        links = rows_of("select a, b, basis, first_at, retracted_at is null from identity_link where origin = 1")
        claims = rows_of("select identifier_id, source_id, key, value::text, observed_at from identity_claim")
        logged = rows_of(
            "select identifier_id, source_id, occurred_at, name, left(message_id, 3), properties::text"
            " from events_event"
        )
        place = {source: place for place, source in enumerate(self.sources)}
        return {
            "links": {(frozenset({keys[a], keys[b]}), *link) for a, b, *link in links if a in keys or b in keys},
            "claims": {
                (*keys[one], place[source], key, value.replace(self.word, ""), told)
                for one, source, key, value, told in claims
                if one in keys
            },
            "events": sorted(
                ((*keys[one], place[source], *event) for one, source, *event in logged if source in place), key=repr
            ),
        }

    def _person(self, profile: int) -> tuple[str, frozenset[str]]:
        view = identity.profile_view(profile)
        assert view is not None
        member = frozenset(slug for slug in RULES if self._is_member(slug, profile))
        return json.dumps(view.traits, sort_keys=True).replace(self.word, ""), member

    def _is_member(self, slug: str, profile: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(
                "select coalesce((select get_bit(bits, s.id) from segments_membership m, segments_segment s"
                " where m.profile_id = %s and s.slug = %s and octet_length(bits) * 8 > s.id), 0)", [profile, slug]
            )  # fmt: skip
            return bool(cursor.fetchone()[0])


def rows_of(query: str) -> list[Any]:
    return psycopg.Cursor(pg.raw()).execute(query).fetchall()


def at(minute: int) -> str:
    return (BEGAN + timedelta(minutes=minute)).isoformat()


def row(word: str, id_: str = "", mail: str = "", minute: int = 0, plan: str = "", amount: str = "") -> dict[str, str]:
    """A row of a file; identifiers of a town begin with its word."""
    return {
        "id": id_ and word + id_, "mail": mail and f"{word}{mail}@example.com", "when": at(minute), "plan": plan,
        "amount": amount,
    }  # fmt: skip
