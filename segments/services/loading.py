"""Reading what evaluation needs: counters, traits and memberships of many profiles, a statement each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import psycopg

from common import pg
from segments import sql
from segments.entries import LIMIT, WIDTH, Entries, Ints, compact, pack, unpack
from segments.measures import keys_of
from segments.plan import Plan, distinct_leaves
from segments.rules import Leaf, Node, OnList, TraitIs
from segments.vector import Bools, Evaluation
from segments.windows import minute_of


class Facts(NamedTuple):
    """An evaluation with its facts, and the counters it was built from (owned by position in `identifiers`)."""

    evaluation: Evaluation
    identifiers: Ints
    entries: Entries


def load_facts(
    conn: psycopg.Connection[Any], plan: Plan, profiles: Ints, rules: Sequence[Node], now: datetime
) -> Facts:
    """Everything that `rules` ask about `profiles` (ascending)."""
    conditions = distinct_leaves(rules)
    measure_ids = {key: plan.measure_ids[key] for leaf in conditions for key in keys_of(leaf)}
    identifiers, owners, entries = _load_entries(conn, profiles) if measure_ids else _no_entries()
    by_profile = Entries(owners[entries.owner], entries.measure, entries.minute, entries.n, entries.micros)
    traits = load_traits(conn, profiles, conditions)
    lists = load_lists(conn, profiles, conditions)
    evaluation = Evaluation(
        profiles=profiles, entries=by_profile, measure_ids=measure_ids, traits=traits, lists=lists, now=now
    )
    return Facts(evaluation, identifiers, entries)


def _no_entries() -> tuple[Ints, Ints, Entries]:
    nothing = np.empty(0, dtype=np.int64)
    return nothing, nothing, Entries(nothing, nothing, nothing, nothing, nothing)


def _load_entries(conn: psycopg.Connection[Any], profiles: Ints) -> tuple[Ints, Ints, Entries]:
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(sql.LOAD_ACTIVITY, {"profiles": pg.int8s(profiles)}, binary=True).fetchone()
    if row is None or row[0] is None:
        return _no_entries()
    owners = np.searchsorted(profiles, pg.int8_array(row[0]))
    return pg.int8_array(row[1]), owners, unpack(row[3], pg.int8_array(row[2]) // WIDTH)


def load_traits(
    conn: psycopg.Connection[Any], profiles: Ints, conditions: Sequence[Leaf]
) -> dict[str, list[str | bytes | None]]:
    """The JSON text of each trait that the conditions name, one per profile."""
    names = sorted({leaf.trait for leaf in conditions if isinstance(leaf, TraitIs)})
    columns: dict[str, list[str | bytes | None]] = {name: [None] * len(profiles) for name in names}
    if not names:
        return columns
    with psycopg.Cursor(conn) as cursor:
        params = {f"t{place}": name for place, name in enumerate(names)}
        wanted = ", ".join(f"array_agg((t.traits -> %({one})s::text)::text)" for one in params)
        row = cursor.execute(
            sql.LOAD_TRAITS.format(columns=wanted), {**params, "profiles": pg.int8s(profiles)}
        ).fetchone()
    if row is None or row[0] is None:
        return columns
    places = np.searchsorted(profiles, pg.int8_array(row[0])).tolist()
    for name, values in zip(names, row[1:], strict=True):
        column = columns[name]
        for place, value in zip(places, values, strict=True):
            column[place] = value
    return columns


def load_lists(conn: psycopg.Connection[Any], profiles: Ints, conditions: Sequence[Leaf]) -> dict[str, Bools]:
    """Who is on each of the lists that the conditions name."""
    found = {leaf.list: np.zeros(len(profiles), dtype=np.bool_) for leaf in conditions if isinstance(leaf, OnList)}
    if not found:
        return found
    with psycopg.Cursor(conn) as cursor:
        params = {"profiles": pg.int8s(profiles), "slugs": sorted(found)}
        for slug, on_it in cursor.execute(sql.LOAD_LISTS, params, binary=True):
            found[slug][np.searchsorted(profiles, pg.int8_array(on_it))] = True
    return found


def due_profiles(conn: psycopg.Connection[Any], now: datetime, limit: int) -> Ints:
    """The profiles whose time has come, ascending."""
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(sql.DUE_PROFILES, {"now": now, "limit": limit}, binary=True).fetchone()
    return np.sort(pg.int8_array(None if row is None else row[0]))


def compact_grown(
    conn: psycopg.Connection[Any], plan: Plan, facts: Facts, appended: dict[int, int], now: datetime
) -> None:
    """Rewrite the counters whose number of entries passed a multiple of the limit in this batch."""
    if not appended:
        return
    sizes = np.bincount(facts.entries.owner, minlength=len(facts.identifiers))
    grown = np.fromiter((appended.get(one, 0) for one in facts.identifiers.tolist()), dtype=np.int64)
    due = sizes // LIMIT > (sizes - grown) // LIMIT
    if not due.any():
        return
    chosen = compact(facts.entries.take(due[facts.entries.owner]), plan.horizons, plan.kinds, now_minute=minute_of(now))
    owners, packed = pack(chosen)
    with psycopg.Cursor(conn) as cursor:
        params = {"ids": pg.int8s(facts.identifiers[owners]), "entries": pg.byteas(packed)}
        cursor.execute(sql.REPLACE_ACTIVITY, params)
