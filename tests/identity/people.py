"""A small world for the tests of identity: calls in, groups of people and their traits out."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg

from common import turns
from identity.contracts import ClaimIn, Evidence, IdentifierKey, Resolution, strongest
from identity.services import Memory, apply_evidence

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
START_US = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


class Call(NamedTuple):
    """One event as identity sees it: the identifiers it carries, when, and what it says of the person."""

    keys: tuple[tuple[str, str], ...]
    at: int = 0
    traits: tuple[tuple[str, Any], ...] = ()
    source: int = 1
    previous: str = ""

    @property
    def at_us(self) -> int:
        return START_US + self.at * 1_000_000

    @property
    def tiebreak(self) -> int:
        return int.from_bytes(hashlib.sha256(repr(self).encode()).digest()[:7], "big")


def call(at: int = 0, *, traits: dict[str, Any] | None = None, source: int = 1, previous: str = "", **ids: str) -> Call:
    """`call(3, user_id="u1", anonymous_id="a1", traits={"plan": "pro"})`."""
    return Call(tuple(ids.items()), at, tuple((traits or {}).items()), source, previous)


def evidence_of(calls: Iterable[Call]) -> Evidence:
    """The evidence of a batch of calls, built as the pipeline builds it: a star around the strongest identifier."""
    places: dict[IdentifierKey, int] = {}
    evidence = Evidence([], [], [], [])

    def place(key: IdentifierKey, at_us: int) -> int:
        if key not in places:
            places[key] = len(places)
            evidence.keys.append(key)
            evidence.seen_us.append(at_us)
        evidence.seen_us[places[key]] = min(evidence.seen_us[places[key]], at_us)
        return places[key]

    for one in calls:
        at_us = one.at_us
        keys = [IdentifierKey(kind, value) for kind, value in one.keys]
        centre_kind = strongest(key.kind for key in keys)
        centre = place(next(key for key in keys if key.kind == centre_kind), at_us)
        for key in keys:
            if place(key, at_us) != centre:
                evidence.links.append((centre, place(key, at_us), at_us, "observed"))
        if one.previous:
            evidence.links.append((centre, place(IdentifierKey("previous_id", one.previous), at_us), at_us, "alias"))
        for trait, value in one.traits:
            claim = ClaimIn(centre, one.source, trait, json.dumps(value).encode(), at_us, one.tiebreak)
            evidence.claims.append(claim)
    return evidence


def tell(conn: psycopg.Connection[Any], *batches: Sequence[Call], memory: Memory | None = None) -> Resolution:
    """Apply batches one after the other; answers the last resolution."""
    memory = memory or Memory()
    resolution = None
    for batch in batches:
        if not turns.take(conn, f"tests-{id(memory)}"):
            memory.forget()
        resolution = apply_evidence(conn, evidence=evidence_of(batch), memory=memory, now=NOW)
        memory.trim()
    assert resolution is not None
    return resolution


def groups(conn: psycopg.Connection[Any]) -> frozenset[frozenset[str]]:
    """Who is who, by content."""
    rows = psycopg.Cursor(conn).execute(
        "select array_agg(kind || ':' || value) from identity_identifier group by profile_id"
    )
    return frozenset(frozenset(row[0]) for row in rows)


def people(conn: psycopg.Connection[Any]) -> dict[frozenset[str], dict[str, Any]]:
    """The traits of each group."""
    rows = psycopg.Cursor(conn).execute(
        "select array_agg(i.kind || ':' || i.value), p.traits::text from identity_identifier i"
        " join identity_profile p on p.id = i.profile_id group by p.id"
    )
    return {frozenset(row[0]): json.loads(row[1]) for row in rows}


def snapshot(conn: psycopg.Connection[Any]) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is derived, and the profile rows, as text: for comparisons byte for byte."""
    queries = {
        "identifiers": "select id, kind, value, component_id, profile_id, quarantine, first_seen_at::text"
        " from identity_identifier order by id",
        "profiles": "select id, traits::text, created_at::text from identity_profile order by id",
        "refusals": "select a, b, reason, detail from identity_refusal order by a, b",
    }
    return {name: psycopg.Cursor(conn).execute(sql).fetchall() for name, sql in queries.items()}


def profile_of(conn: psycopg.Connection[Any], kind: str, value: str) -> int:
    row = (
        psycopg.Cursor(conn)
        .execute("select profile_id from identity_identifier where kind = %s and value = %s", (kind, value))
        .fetchone()
    )
    assert row is not None
    return int(row[0])
