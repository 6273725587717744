"""Retention: events whose time is over leave the log and the counters in the same transaction, and memberships follow.

Rules without a window are about what is kept. So at every instant the two executors of rules, the SQL over the log and
the counters, have the same events before them; between two slices the pipeline goes on.

1. What some rule counts goes in slices of identifiers; their counters are counted anew from what is left.
2. What no rule counts goes page by page; or, where everything in a partition is over, with the whole partition.

A worker that is killed leaves whole slices done; the next one takes the job up and finds what is left.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, transaction
from psycopg import errors

import events.selectors as kept
import events.services as events
import segments.services as segments
from cdp.pipeline.courtesy import Courtesy
from common import audit, jobs, pg, turns
from common.clock import Ticker

log = logging.getLogger(__name__)

KIND = "retention"
EVERY = timedelta(days=1)
# "rete" in ASCII: one worker at a time.
_LOCK = 0x72657465
_HOLDER = "retention"
_SLICE = 2_000
_TRIES = 20
_TITLE = "Take out events whose time is over"
_CHANGES = "memberships"


class _NotNow(Exception):
    """Something must end first; the next run goes on."""


@dataclass(slots=True)
class _Run:
    """One run: what it goes by, and what it has done, by rule in words."""

    job_id: int
    expiry: events.Expiry
    ticker: Ticker
    counts: Counter[str]
    courtesy: Courtesy = field(default_factory=Courtesy)

    @property
    def gone(self) -> int:
        return self.counts.total() - self.counts[_CHANGES]


def request_retention(*, by: str, now: datetime, via: str = "ui") -> int:
    """Have the rules applied now and not at the end of the day; the job's id."""
    under_way = jobs.under_way(KIND)
    if under_way is not None:
        return under_way
    with transaction.atomic():
        job_id = jobs.start(KIND, _TITLE, by=by)
        audit.record(
            actor=by, via=via, action="retention.asked", object_type="job", object_id=job_id, at=now,
            summary="Asked to take out the events whose time is over",
        )  # fmt: skip
    return job_id


def run_retention(*, now: datetime, default_days: int = 0) -> bool:
    """Take out what is over: once a day, when somebody asked, and what a run that was cut off has left. Answers whether
    memberships changed."""
    rules = kept.retention_rules(default_days=default_days)
    with closing(pg.connect(autocommit=True)) as conn:
        if not pg.try_lock(conn, _LOCK, 0):
            return False
        job_id = jobs.under_way(KIND)
        if job_id is None:
            if not any(one.days for one in rules) or jobs.began_since(KIND, now - EVERY):
                return False
            job_id = jobs.start(KIND, _TITLE)
        return _try(_Run(job_id, events.Expiry(rules, now=now), Ticker(now), Counter(jobs.counted(job_id))))


def _try(run: _Run) -> bool:
    try:
        for part in events.old_parts(pg.raw(), run.expiry):
            for _ in _part(run, part):
                jobs.go_on(run.job_id)
                run.courtesy.give_way(pg.raw())
        _end(run)
    except jobs.Cancelled:
        _end(run)
    except _NotNow as why:
        # The job stays, and the next run goes on.
        jobs.progress(run.job_id, run.gone, stage=str(why))
    except (InterfaceError, OperationalError, psycopg.InterfaceError, psycopg.OperationalError):
        log.exception("retention was cut off; the next run goes on")
    except Exception as failure:
        log.exception("retention failed")
        _end(
            run, error=f"It could not go on: {type(failure).__name__}. What went is gone; the log of the worker tells."
        )
    return bool(run.counts[_CHANGES])


def _part(run: _Run, part: events.OldPart) -> Iterator[None]:
    """Slice after slice of one partition."""
    for _ in range(_TRIES):
        since = kept.backlog().oldest_at or run.ticker()
        names = segments.counted_events(pg.raw())
        yield from _counted(run, part, names)
        if not part.whole:
            yield from _others(run, part)
            return
        if _drop(run, part, names, since):
            return
    raise _NotNow(f"{part.name} gets events all the time")


def _counted(run: _Run, part: events.OldPart, names: Sequence[str]) -> Iterator[None]:
    """What rules count goes, and the counters with it."""
    after: int | None = 0
    while after is not None:
        with _slice(run) as conn:
            gone, after = events.take_counted(conn, part, run.expiry, names=names, after=after, limit=_SLICE)
            changes = segments.recount(
                conn, identifier_ids=gone.identifier_ids, names=gone.names, now=run.ticker(), reason="retention"
            )
            _note(run, gone, part, changes)
        yield


def _others(run: _Run, part: events.OldPart) -> Iterator[None]:
    """What no rule counts goes; which names that are is asked anew in each slice."""
    page: int | None = 0
    while page is not None:
        with _slice(run) as conn:
            names = segments.counted_events(conn)
            gone, page = events.take_others(conn, part, run.expiry, names=names, page=page)
            _note(run, gone, part)
        yield


def _drop(run: _Run, part: events.OldPart, names: Sequence[str], since: datetime) -> bool:
    """The whole partition goes, unless events that are counted have come into it meanwhile."""
    found = events.count_part(pg.raw(), part, run.expiry)
    try:
        with _slice(run) as conn:
            # Whoever appends remembers which partitions there are, and must forget this one.
            turns.take(conn, _HOLDER)
            if segments.counted_events(conn) != list(names):
                return False
            if not events.drop_part(conn, part, names=names, since=since):
                return False
            _note(run, found, part)
            return True
    except errors.LockNotAvailable:
        raise _NotNow("somebody reads the log for long") from None


@contextmanager
def _slice(run: _Run) -> Iterator[psycopg.Connection[Any]]:
    """A transaction that has the turn, while no rule's past is being counted."""
    with run.courtesy.step(), transaction.atomic():
        conn = pg.raw()
        if not segments.nobody_counts(conn):
            raise _NotNow("waiting until a segment is published")
        turns.borrow(conn)
        yield conn


def _note(run: _Run, gone: events.Gone, part: events.OldPart, changes: int = 0) -> None:
    """In the transaction of the slice."""
    labels = {one.id: f"{one.about}, {one.days} days" for one in run.expiry.rules}
    run.counts.update({labels[rule]: number for rule, number in gone.by_rule.items()})
    run.counts[_CHANGES] += changes
    jobs.progress(run.job_id, run.gone, stage=part.name, counts=dict(run.counts))


def _end(run: _Run, *, error: str = "") -> None:
    with transaction.atomic():
        jobs.progress(run.job_id, run.gone, total=run.gone)
        jobs.finish(run.job_id, counts=dict(run.counts), error=error)
        if run.gone:
            audit.record(
                actor="system", via="task", action="retention.done", object_type="job", object_id=run.job_id,
                summary=f"{run.gone} events left the log, whose time was over", after=dict(run.counts),
                at=run.ticker(),
            )  # fmt: skip
