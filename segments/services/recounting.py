"""When the log loses events, or hangs them elsewhere: counters are a function of the log, so they are counted anew."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from common import pg
from segments import sql
from segments.contracts import MoveLike
from segments.entries import WIDTH, Ints, among, pack, unpack
from segments.plan import Measure, Plan
from segments.services.counters import count_past
from segments.services.following import evaluate
from segments.services.memory import Memory, load_measures
from segments.services.preparing import LOCK
from segments.services.writing import REASONS, Touched

_ACTIVITY = """
select array_send(array_agg(identifier_id)), array_send(array_agg(octet_length(entries)::bigint)),
       string_agg(entries, '')
from (select * from segments_activity where identifier_id = any(%(ids)s) order by identifier_id) a
"""
_EMPTIED = "delete from segments_activity where identifier_id = any(%(ids)s) and octet_length(entries) = 0"
_FORGET = "delete from segments_{table} where identifier_id = any(%(ids)s)"
_EMPTY = "update segments_activity set entries = '' where identifier_id = any(%(ids)s)"


def nobody_counts(conn: psycopg.Connection[Any]) -> bool:
    """Whether no rule's past is being counted aside, which would count events that go; so it stays until the caller's
    transaction ends."""
    row = conn.execute("select pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    return bool(row and row[0])


def counted_events(conn: psycopg.Connection[Any]) -> list[str]:
    """The names of the events that any counter counts."""
    return sorted({measure.key.event for measure in load_measures(conn)})


def recount(
    conn: psycopg.Connection[Any],
    *,
    identifier_ids: Collection[int],
    names: Collection[str],
    now: datetime,
    reason: str,
) -> int:
    """Count anew what the log has of these identifiers under these names, and write who leaves and enters for it.

    Answers the ledger's new rows. The caller has the turn and `nobody_counts`; the log is as it will be. What the log
    no longer has is not counted any more, as when a segment is published anew.
    """
    measures = [one for one in load_measures(conn) if one.key.event in names and not one.filling]
    ids = sorted(set(identifier_ids))
    if not measures or not ids:
        return 0
    _strip(conn, ids, frozenset(one.id for one in measures))
    _count(conn, measures, ids, now=now)
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(_EMPTIED, {"ids": pg.int8s(ids)})
    plan = Memory().plan(conn)
    readers = frozenset().union(*(plan.readers_of_measure.get(one.id, frozenset()) for one in measures))
    return _reevaluate(conn, plan, readers, _profiles_of(conn, ids), (), reason, now)


def take_back(
    conn: psycopg.Connection[Any],
    *,
    identifier_ids: Collection[int],
    gone: Collection[int],
    moved: Sequence[MoveLike],
    retired: Collection[int],
    traits_changed: Collection[int],
    now: datetime,
) -> int:
    """Count anew all that the log has of these identifiers, forget those that are `gone`, and write who leaves and
    enters for it or because identity is another; the reason is `undo`. Answers as `recount`, and asks the same."""
    plan = Memory().plan(conn)
    ids = sorted({*identifier_ids, *gone})
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(_FORGET.format(table="activity"), {"ids": pg.int8s(ids)})
        cursor.execute(_FORGET.format(table="listentry"), {"ids": pg.int8s(sorted(gone))})
    _count(conn, [one for one in load_measures(conn) if not one.filling], ids, now=now)
    both = [int(profile) for move in moved for profile in (move[1], move[2])]
    others = np.array([*both, *retired, *traits_changed], dtype=np.int64)
    touched = np.concatenate([_profiles_of(conn, sorted(identifier_ids)), others])
    return _reevaluate(conn, plan, plan.everything, touched, retired, "undo", now)


def _count(conn: psycopg.Connection[Any], measures: Iterable[Measure], ids: list[int], *, now: datetime) -> None:
    for one in measures:
        count_past(conn, one.id, one.key, one.horizon, now=now, into=sql.BACKFILL, ids=ids)


def _strip(conn: psycopg.Connection[Any], ids: list[int], measures: frozenset[int]) -> None:
    """Take the entries of these measures out."""
    given: dict[str, Any] = {"ids": pg.int8s(ids)}
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(_ACTIVITY, given, binary=True).fetchone()
        if row is None or row[0] is None:
            return
        owners = pg.int8_array(row[0])
        entries = unpack(row[2], pg.int8_array(row[1]) // WIDTH)
        kept = entries.take(~among(entries.measure, measures))
        left, packed = pack(kept)
        cursor.execute(_EMPTY, given)
        if len(left):
            cursor.execute(sql.REPLACE_ACTIVITY, {"ids": pg.int8s(owners[left]), "entries": pg.byteas(packed)})


def _profiles_of(conn: psycopg.Connection[Any], ids: list[int]) -> Ints:
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(sql.PROFILES_OF, {"ids": pg.int8s(ids)}, binary=True).fetchone()
    return pg.int8_array(None if row is None else row[0])


def _reevaluate(
    conn: psycopg.Connection[Any], plan: Plan, segments: frozenset[int], profiles: Ints, retired: Collection[int],
    reason: str, now: datetime,
) -> int:  # fmt: skip
    touched = np.unique(profiles)
    if not segments or not len(touched):
        return 0
    reasons = np.full(len(touched), REASONS.index(reason) + 1, dtype=np.int64)
    ended = np.isin(touched, np.array(sorted(retired), dtype=np.int64))
    return evaluate(conn, plan, Touched(touched, reasons, ended), segments, {}, now)
