"""The hot path: memberships follow the events, traits and moves of one batch, in a fixed number of statements."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
from django.db import transaction

from common import pg, turns
from segments import sql
from segments.contracts import Activity, MoveLike
from segments.counting import count_events
from segments.entries import Entries, Ints, pack
from segments.plan import Plan
from segments.services import loading
from segments.services.memory import Memory
from segments.services.writing import Touched, settle

EVENT, TRAIT, MERGE, TIME, IMPORT, ERASURE = 1, 2, 3, 4, 5, 6
DUE_BATCH = 20_000


def follow(
    conn: psycopg.Connection[Any],
    *,
    activity: Activity,
    moved: Iterable[MoveLike] = (),
    retired: Collection[int] = (),
    touched_traits: Collection[int] = (),
    created: Collection[int] = (),
    memory: Memory,
    now: datetime,
) -> int:
    """Count the events of a batch, re-evaluate who may have changed, and write the ledger. Returns its new rows.

    `moved`: identifiers that changed profile; `retired`: profiles that are no more; `created`: profiles born in this
    batch. The caller owns the transaction and the turn. The number of statements depends neither on the size of the
    batch nor on the number of segments.
    """
    plan = memory.plan(conn)
    if not plan.segments and not plan.counters:
        return 0
    counted, read = count_events(plan, activity)
    appended = _append(conn, counted)
    touched, chosen = _touched(plan, activity, counted, read, list(moved), retired, touched_traits, created)
    if not len(touched.profiles):
        return 0
    return evaluate(conn, plan, touched, chosen, appended, now)


def run_due(
    *,
    now: datetime,
    conn: psycopg.Connection[Any] | None = None,
    memory: Memory | None = None,
    limit: int = DUE_BATCH,
) -> int:
    """Re-evaluate the profiles whose time has come. Returns how many were due; call again while it equals `limit`.

    With `conn` the caller owns the transaction and the turn; without it this is a transaction with a turn of its own.
    Safe to run twice or late.
    """
    if conn is not None:
        return _run_due(conn, memory or Memory(), now, limit)
    with transaction.atomic(durable=True):
        turns.borrow(pg.raw())
        return _run_due(pg.raw(), memory or Memory(), now, limit)


def follow_lists(conn: psycopg.Connection[Any], profiles: Ints, *, now: datetime) -> int:
    """Re-evaluate profiles (ascending) whose entries on lists changed. The caller owns the transaction and the turn."""
    plan = Memory().plan(conn)
    if not len(profiles) or not plan.readers_of_lists:
        return 0
    reasons = np.full(len(profiles), IMPORT, dtype=np.int64)
    touched = Touched(profiles, reasons, np.zeros(len(profiles), dtype=np.bool_))
    return evaluate(conn, plan, touched, plan.readers_of_lists, {}, now)


def _run_due(conn: psycopg.Connection[Any], memory: Memory, now: datetime, limit: int) -> int:
    profiles = loading.due_profiles(conn, now, limit)
    if len(profiles):
        reasons = np.full(len(profiles), TIME, dtype=np.int64)
        plan = memory.plan(conn)
        due = Touched(profiles, reasons, np.zeros(len(profiles), dtype=np.bool_))
        evaluate(conn, plan, due, plan.everything, {}, now)
    return len(profiles)


def _append(conn: psycopg.Connection[Any], counted: Entries) -> dict[int, int]:
    """Append the entries; how many each identifier got."""
    if not len(counted):
        return {}
    owners, packed = pack(counted)
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(sql.APPEND_ACTIVITY, {"ids": pg.int8s(owners), "entries": pg.byteas(packed)})
    sizes = np.diff(np.r_[np.searchsorted(counted.owner, owners), len(counted)])
    return dict(zip(owners.tolist(), sizes.tolist(), strict=True))


def _touched(
    plan: Plan,
    activity: Activity,
    counted: Entries,
    read: Ints,
    moved: Sequence[MoveLike],
    retired: Collection[int],
    touched_traits: Collection[int],
    created: Collection[int],
) -> tuple[Touched, frozenset[int]]:
    """Whom to evaluate, why, and which segments can change for any of them."""
    chosen: set[int] = set()
    for measure in np.unique(counted.measure).tolist():
        chosen |= plan.readers_of_measure.get(measure, frozenset())
    groups = [(np.asarray(activity.profile_ids, dtype=np.int64)[read], EVENT)]
    if touched_traits and plan.readers_of_traits:
        chosen |= plan.readers_of_traits
        groups.append((_ids(touched_traits), TRAIT))
    if created and plan.true_of_newborns:
        chosen |= plan.true_of_newborns
        groups.append((_ids(created), EVENT))
    gone = _ids(retired)
    if moved or len(gone):
        chosen |= plan.everything
        both = [int(profile) for move in moved for profile in (move[1], move[2]) if profile]
        groups.append((np.concatenate([gone, _ids(both)]), MERGE))
    profiles, inverse = np.unique(np.concatenate([ids for ids, _ in groups]), return_inverse=True)
    # A move explains a change better than the event that came with it, and an event better than a trait.
    rank = np.concatenate([np.full(len(ids), (0, 2, 1, 3)[reason]) for ids, reason in groups])
    best = np.zeros(len(profiles), dtype=np.int64)
    np.maximum.at(best, inverse, rank)
    reasons = np.array([0, TRAIT, EVENT, MERGE], dtype=np.int64)[best]
    return Touched(profiles, reasons, np.isin(profiles, gone)), frozenset(chosen)


def _ids(profiles: Collection[int]) -> Ints:
    return np.fromiter(profiles, dtype=np.int64, count=len(profiles))


def evaluate(
    conn: psycopg.Connection[Any],
    plan: Plan,
    touched: Touched,
    chosen: frozenset[int],
    appended: dict[int, int],
    now: datetime,
) -> int:
    segments = [plan.segments[index] for index in sorted(chosen)]
    facts = loading.load_facts(conn, plan, touched.profiles, [segment.rule for segment in segments], now)
    answers = [facts.evaluation.answer(segment.rule) for segment in segments]
    rows = settle(conn, segments, touched, answers, complete=len(segments) == len(plan.segments), now=now)
    loading.compact_grown(conn, plan, facts, appended, now)
    return rows
