"""The attribute records of linkage in PostgreSQL: read what changed, keep fields, keys and counts, find candidates."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from common import clock, pg
from identity.graph import Pair
from identity.linkage import blocking, statements
from identity.linkage.fields import Record, read_record, record_of
from identity.linkage.terms import COLUMNS, Counts, values_of

# Counted once for every record that has a field: the size of the base.
BASE_KEY = blocking.total_key("")

# The holders of any value of each column.
_TOTALS = {blocking.total_key(column): (column, "") for column in COLUMNS}

Cursor = psycopg.Cursor[Any]
# Blocking keys by profile.
Keys = Mapping[int, list[int]]


class Due(NamedTuple):
    """A profile that changed since its record was made."""

    profile_id: int
    traits: dict[str, Any]
    changed_at: datetime


@dataclass(slots=True)
class _Changes:
    """What differs between the keys that are stored and those that should be."""

    gone: list[Pair]
    new: list[Pair]
    counts: Counter[int]


def load_due(cursor: Cursor, *, since: datetime | None, after: int, limit: int) -> list[Due]:
    """The next profiles that changed, in the order of their ids."""
    rows = cursor.execute(statements.DUE, {"since": since, "after": after, "limit": limit})
    return [Due(profile_id, json.loads(traits), changed_at) for profile_id, traits, changed_at in rows]


def refresh(cursor: Cursor, due: Collection[Due]) -> Keys:
    """Make and keep the records of changed profiles. Answers the blocking keys of those that have any."""
    contacts = _contacts(cursor, [one.profile_id for one in due])
    records = {
        one.profile_id: record_of(
            one.traits, emails=contacts[one.profile_id]["email"], phones=contacts[one.profile_id]["phone"]
        )
        for one in due
    }
    keys = {profile_id: blocking.blocking_keys(record) for profile_id, record in records.items()}
    terms = {profile_id: _terms(record) if keys[profile_id] else [] for profile_id, record in records.items()}
    _rewrite_keys(cursor, keys, terms)
    cursor.execute(
        statements.WRITE_RECORDS,
        {
            "ids": pg.int8s(list(records)),
            "fields": pg.jsonbs([json.dumps(record.to_json()) for record in records.values()]),
            # Arrays of arrays must be rectangular in PostgreSQL, so each goes as its own literal.
            "keys": pg.texts([_literal(keys[profile_id]) for profile_id in records]),
            "terms": pg.texts([_literal(terms[profile_id]) for profile_id in records]),
            "changed": pg.timestamps([clock.micros(one.changed_at) for one in due]),
        },
    )
    return {profile_id: held for profile_id, held in keys.items() if held}


def _contacts(cursor: Cursor, profile_ids: list[int]) -> dict[int, dict[str, list[str]]]:
    contacts: dict[int, dict[str, list[str]]] = {one: {"email": [], "phone": []} for one in profile_ids}
    for profile_id, kind, value in cursor.execute(statements.CONTACTS, {"ids": pg.int8s(profile_ids)}):
        contacts[profile_id][kind].append(value)
    return contacts


def _terms(record: Record) -> list[int]:
    return sorted({BASE_KEY, *blocking.term_keys(record).values()})


def _literal(hashes: Iterable[int]) -> str:
    return "{" + ",".join(map(str, hashes)) + "}"


def forget(cursor: Cursor, profile_ids: Collection[int]) -> None:
    """Drop the records of profiles that are no more."""
    if profile_ids:
        _rewrite_keys(cursor, dict.fromkeys(profile_ids, []), dict.fromkeys(profile_ids, []))
        cursor.execute(statements.DELETE_RECORDS, {"ids": pg.int8s(sorted(profile_ids))})


def _rewrite_keys(cursor: Cursor, keys: Mapping[int, list[int]], terms: Mapping[int, list[int]]) -> None:
    """Bring the index of keys and the counts in line; only what differs is written."""
    changes = _changes(cursor, keys, terms)
    for statement, pairs in ((statements.DELETE_KEYS, changes.gone), (statements.INSERT_KEYS, changes.new)):
        if pairs:
            values = {"keys": pg.int8s([key for key, _ in pairs]), "ids": pg.int8s([p for _, p in pairs])}
            cursor.execute(statement, values)
    counted = sorted((key, change) for key, change in changes.counts.items() if change)
    if counted:
        values = {"keys": pg.int8s([k for k, _ in counted]), "changes": pg.int4s([change for _, change in counted])}
        cursor.execute(statements.COUNT_KEYS, values)
    fewer = [key for key, change in counted if change < 0]
    if fewer:
        cursor.execute(statements.DELETE_EMPTY_COUNTS, {"keys": pg.int8s(fewer)})


def _changes(cursor: Cursor, keys: Mapping[int, list[int]], terms: Mapping[int, list[int]]) -> _Changes:
    stored = {
        profile_id: (set(old_keys), set(old_terms))
        for profile_id, old_keys, old_terms in cursor.execute(statements.KEYS_OF, {"ids": pg.int8s(list(keys))})
    }
    changes = _Changes([], [], Counter())
    nothing: tuple[set[int], set[int]] = (set(), set())
    for profile_id, present in keys.items():
        old_keys, old_terms = stored.get(profile_id, nothing)
        new_keys, new_terms = set(present), set(terms[profile_id])
        changes.gone += [(key, profile_id) for key in old_keys - new_keys]
        changes.new += [(key, profile_id) for key in new_keys - old_keys]
        changes.counts.update([*(new_keys - old_keys), *(new_terms - old_terms)])
        changes.counts.subtract([*(old_keys - new_keys), *(old_terms - new_terms)])
    return changes


def find_candidates(cursor: Cursor, keys: Keys) -> list[Pair]:
    """The pairs of the records with these keys and any others that share a block, smaller id first, sorted."""
    rows = [(profile_id, key) for profile_id, held in keys.items() for key in held]
    if not rows:
        return []
    found = cursor.execute(
        statements.CANDIDATES,
        {
            "ids": pg.int8s([profile_id for profile_id, _ in rows]),
            "keys": pg.int8s([key for _, key in rows]),
            "most_in_block": blocking.MOST_IN_BLOCK,
            "most_candidates": blocking.MOST_CANDIDATES,
        },
    )
    return sorted({(min(pair), max(pair)) for pair in found})


def load_records(cursor: Cursor, profile_ids: Collection[int]) -> dict[int, Record]:
    """The stored records of those of these profiles that live."""
    rows = cursor.execute(statements.RECORDS, {"ids": pg.int8s(sorted(profile_ids))})
    return {profile_id: read_record(stored) for profile_id, stored in rows}


def load_counts(cursor: Cursor, records: Collection[Record]) -> tuple[Counts, int]:
    """How many records hold each value that two of these share and any value at all, and the size of the base."""
    counted = {column: Counter(values_of(records, column)) for column in COLUMNS}
    shared = [(column, value) for column, held in counted.items() for value, n in held.items() if n > 1 and value]
    by_key = {blocking.term_key(*term): term for term in shared} | _TOTALS
    found = dict(cursor.execute(statements.COUNTS, {"keys": pg.int8s([BASE_KEY, *by_key])}).fetchall())
    known = {term: found[key] for key, term in by_key.items() if key in found}
    holders = {(column, value): count for (column, value), count in known.items() if value}
    totals = {column: count for (column, value), count in known.items() if not value}
    return Counts(holders, totals), found.get(BASE_KEY, 0)


def sweep(cursor: Cursor, *, after: int, limit: int) -> int:
    """Drop the records of profiles that other writers merged away, a slice of the table. Answers where to go on."""
    rows = cursor.execute(statements.RETIRED, {"after": after, "limit": limit}).fetchall()
    forget(cursor, [profile_id for profile_id, retired in rows if retired])
    swept = rows[-1][0] if len(rows) == limit else 0
    cursor.execute(statements.SAVE_SWEPT, {"swept": swept})
    return int(swept)
