"""Undoing an import: its events leave the log, and everything that followed from them is as if they had never come.

1. Under the turn, what is known of the import's messages is forgotten (`events.unsee`), so that the same rows may come
   again. A message that another import of the source brought, too, stays known: it stays in the log as that import's.
2. Slice by slice, each a transaction under the turn: events go, evidence is taken back (`identity.withdraw`), counters
   are counted anew and memberships follow (`segments.take_back`), syncs are told. A slice is whole components of
   identifiers. Between slices the pipeline goes on.
3. Whoever is killed leaves whole slices done; what is left in the log is found again.

To count what an undo would take away is the same with every slice rolled back.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

import connectors.services as connectors
import events.services as events
import identity.services as identity
import insights.services as insights
import segments.services as segments
from cdp.pipeline.collect import collect
from common import clock, jobs, pg, turns
from connectors.contracts import Marks, Undo
from identity.contracts import Evidence

log = logging.getLogger(__name__)

_HOLDER = "undo"
# "undo" in ASCII: one worker at a time works at one import.
_LOCK = 0x756E646F
_MOST_OWNERS, _MOST_EVENTS = 2_000, 10_000


class _NotYet(Exception):
    """Something must end first; the next turn of the clock tries again."""


@dataclass(slots=True)
class _Found:
    """Events of an import: those that go, and those that stay as another import's, before and after."""

    gone: list[events.Logged] = field(default_factory=list)
    before: list[events.Logged] = field(default_factory=list)
    after: list[events.Logged] = field(default_factory=list)


def run_undos(*, now: datetime, slept: Callable[[], None] = lambda: None) -> int:
    """Work at every undo that somebody asked for; answers how many came to an end. `slept` is called between slices,
    when the turn is free."""
    ended, ticker = 0, clock.Ticker(now)
    for asked in connectors.open_undos():
        with closing(pg.connect(autocommit=True)) as conn:
            mine = pg.try_lock(conn, _LOCK, asked.import_id)
            undo = connectors.undo_of(asked.import_id) if mine else None
            if undo is not None:
                ended += _work(conn, undo, ticker, slept)
    return ended


def _work(conn: psycopg.Connection[Any], undo: Undo, ticker: clock.Ticker, slept: Callable[[], None]) -> bool:
    counts = dict(undo.counts)
    try:
        for piece in _slices(conn, undo, counts, ticker, slept):
            counts.update(_sum(counts, piece))
    except _NotYet as why:
        jobs.progress(undo.job_id, counts.get("events", 0), stage=str(why))
        return False
    except jobs.Cancelled:
        connectors.end_undo(undo, counts=counts, now=ticker(), stopped=True)
    except psycopg.OperationalError:
        raise  # the database is away: the undo stays open, and goes on when it is back
    except Exception as failure:
        log.exception("the undo of import %s could not go on", undo.import_id)
        told = f"It could not go on ({type(failure).__name__}); the log of the worker says more. Ask for it again."
        connectors.end_undo(undo, counts=counts, now=ticker(), error=told)
    else:
        connectors.end_undo(undo, counts=counts, now=ticker())
    return True


def _slices(
    conn: psycopg.Connection[Any],
    undo: Undo,
    counts: Mapping[str, int],
    ticker: clock.Ticker,
    slept: Callable[[], None],
) -> Iterator[dict[str, int]]:
    """Take back slice after slice; what each came to."""
    marks, forgotten = _begin(conn, undo)
    yield forgotten
    owners = events.brought(conn, source_id=marks.source_id, since=marks.since, hashes=marks.hashes)
    total, done = sum(owners.values()), 0
    for piece in _pieces(identity.by_component(conn, owners), owners):
        jobs.go_on(undo.job_id)
        with conn.transaction(force_rollback=undo.dry):
            came_to = _take_back(conn, marks, piece, now=ticker())
            connectors.note_undone(conn, undo.import_id, _sum(counts, came_to))
        done += sum(owners[one] for one in piece)
        jobs.progress(undo.job_id, done, total=total, stage="counting" if undo.dry else "taking back")
        yield came_to
        slept()


def _begin(conn: psycopg.Connection[Any], undo: Undo) -> tuple[Marks, dict[str, int]]:
    """Under the turn: a row that comes from now on is a new one, and one that came before is known as another's."""
    with conn.transaction(force_rollback=undo.dry):
        turns.take(conn, _HOLDER)
        if events.waits(conn, until=undo.requested_at):
            raise _NotYet("waiting until the rows are applied")
        marks = connectors.undo_marks(conn, undo)
        shared = np.isin(marks.hashes, np.fromiter(marks.others, dtype=np.uint64, count=len(marks.others)))
        alone = marks.hashes[~shared]
        events.unsee(conn, alone)
        quarantined = events.unquarantine(conn, source_id=marks.source_id, since=marks.since, hashes=alone)
    return marks, {"quarantined": quarantined}


def _pieces(ordered: Sequence[tuple[int, int]], owners: Mapping[int, int]) -> Iterator[list[int]]:
    """Identifiers in slices of whole components."""
    piece: list[int] = []
    weight, last = 0, None
    for one, component in ordered:
        if component != last and (len(piece) >= _MOST_OWNERS or weight >= _MOST_EVENTS):
            yield piece
            piece, weight = [], 0
        piece.append(one)
        weight, last = weight + owners[one], component
    if piece:
        yield piece


def _take_back(conn: psycopg.Connection[Any], marks: Marks, owners: list[int], *, now: datetime) -> dict[str, int]:
    if not segments.nobody_counts(conn):
        raise _NotYet("waiting until a segment is published")
    turns.take(conn, _HOLDER)
    found = _Found()
    for some in events.logged(conn, owners):
        _sort_out(found, some, marks)
    for gone in found.gone:
        events.remove(conn, gone, source_id=marks.source_id)
    for before, after in zip(found.before, found.after, strict=True):
        events.move(conn, before, after, source_id=marks.source_id)
    going = [*found.gone, *found.before]
    withdrawn = identity.withdraw(
        conn,
        evidence=_evidence(going),
        rest=lambda ids: (collect(one.batch).evidence for one in events.logged(conn, ids)),
        now=now,
    )
    memberships = segments.take_back(
        conn, identifier_ids=owners, gone=withdrawn.identifier_ids, moved=withdrawn.moved, retired=withdrawn.retired,
        traits_changed=withdrawn.traits_changed, now=now,
    )  # fmt: skip
    changed = withdrawn.traits_changed.union(*((move.from_profile, move.to_profile) for move in withdrawn.moved))
    connectors.note_changed(conn, profile_ids=sorted(changed.union(withdrawn.retired)), now=now)
    insights.note_touched(conn, identifier_ids=[*owners, *(one for move in withdrawn.moved for one in move)], now=now)
    return {
        "events": sum(map(len, found.gone)), "kept": sum(map(len, found.before)), **withdrawn.rows,
        "traits": len(withdrawn.traits_changed), "moved": len(withdrawn.moved), "memberships": memberships,
    }  # fmt: skip


def _sort_out(found: _Found, some: events.Logged, marks: Marks) -> None:
    """Which events this import brought; of those that another import of the source brought, too, when it did."""
    batch = some.batch
    places = _ours(some, marks)
    there = set(zip(batch.source_ids, batch.message_ids, batch.received_us, strict=True))
    gone, kept, received = [], [], []
    for place, one in places:
        theirs = marks.others.get(one, ())
        if batch.received_us[place] in theirs:
            continue
        if theirs and not any((marks.source_id, batch.message_ids[place], at) in there for at in theirs):
            kept.append(place)
            received.append(min(theirs))
        else:
            gone.append(place)
    if gone:
        found.gone.append(some.only(gone))
    if kept:
        before = some.only(kept)
        found.before.append(before)
        found.after.append(events.received_again(before, received))


def _ours(some: events.Logged, marks: Marks) -> list[tuple[int, int]]:
    """(position, hash) of the events whose messages are the import's, received while it could have brought them."""
    batch, until = some.batch, clock.micros(marks.until)
    hashes = np.fromiter(
        map(events.message_hash, batch.source_ids, batch.message_ids), dtype=np.uint64, count=len(batch)
    )  # fmt: skip
    places = np.searchsorted(marks.hashes, hashes)
    places[places == len(marks.hashes)] = 0
    received = np.asarray(batch.received_us, dtype=np.int64)
    ours = (marks.hashes[places] == hashes) & (received >= marks.received_us[places]) & (received <= until)
    ours &= np.asarray(batch.source_ids, dtype=np.int64) == marks.source_id
    return [(place, int(hashes[place])) for place in np.flatnonzero(ours).tolist()]


def _evidence(some: Collection[events.Logged]) -> Evidence:
    batch = events.Batch()
    for one in some:
        batch.extend(one.batch)
    return collect(batch).evidence


def _sum(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: a.get(name, 0) + b.get(name, 0) for name in {**a, **b}}
