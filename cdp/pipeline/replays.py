"""Replays that people asked for, in small steps that give way to what comes in.

A step and the place where the next one begins are one transaction: a worker that is killed has replayed nothing twice
and left nothing out.
"""

import logging
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg
from django.db import InterfaceError, OperationalError, transaction

import connectors.services as connectors
import events.selectors as kept
import events.services as events
import identity.selectors as identity
from cdp.pipeline.courtesy import Courtesy
from cdp.pipeline.relog import LogReplay
from common import jobs, pg
from common.clock import Ticker
from events.contracts import LogFilter, QuarantineFilter, ReplayView

log = logging.getLogger(__name__)

# "repl" in ASCII: one worker at a time works at one replay.
_LOCK = 0x7265706C
_ITEMS_A_STEP = 500


def request_quarantine_replay(*, fits: QuarantineFilter, by: str, now: datetime, via: str = "ui") -> ReplayView:
    """Have every open item that fits replayed: those of this moment, not what the replay itself brings back."""
    counts, last = kept.quarantine_counts(fits)
    total = sum(one.count for one in counts if one.source_id is not None)
    return events.request_replay(fits=fits, total=total, position={"after": 0, "last": last}, by=by, now=now, via=via)


def request_log_replay(*, fits: LogFilter, by: str, now: datetime, via: str = "ui") -> ReplayView:
    """Have every event that fits replayed: those that are in the log now; what comes meanwhile meets the present rules
    anyway."""
    ids = identifiers_of(fits)
    total, _ = kept.count_events(fits, ids=ids)
    position = {"parts": events.parts_of(pg.raw(), fits), "page": 0, "ids": ids}
    return events.request_replay(fits=fits, total=total, position=position, by=by, now=now, via=via)


def identifiers_of(fits: LogFilter) -> list[int] | None:
    """The identifiers of the profile that was asked for; None when none was."""
    return None if fits.profile_id is None else identity.identifier_ids(fits.profile_id)


def run_replays(*, now: datetime, after: Callable[[], None]) -> int:
    """Work at every replay that waits; answers how many came to an end. `after` wakes the applier."""
    ended, ticker = 0, Ticker(now)
    for replay_id in events.waiting_replays():
        with closing(pg.connect(autocommit=True)) as conn:
            work = events.take_up(replay_id) if pg.try_lock(conn, _LOCK, replay_id) else None
            if work is not None:
                _try(work, conn, ticker, after)
                ended += 1
    return ended


def _try(work: events.ReplayWork, conn: psycopg.Connection[Any], ticker: Ticker, after: Callable[[], None]) -> None:
    try:
        _run(work, conn, ticker, after)
        events.end_replay(work, "done", at=ticker())
    except jobs.Cancelled:
        events.end_replay(work, "cancelled", at=ticker())
    except (InterfaceError, OperationalError, psycopg.InterfaceError, psycopg.OperationalError):
        # It stays waiting: the next worker goes on where the last step ended.
        log.exception("replay %s was cut off", work.id)
    except Exception as error:
        log.exception("replay %s failed", work.id)
        told = f"It could not go on: {type(error).__name__}. The log of the worker says more; what was replayed stays."
        events.end_replay(work, "failed", at=ticker(), error=told)


def _run(work: events.ReplayWork, conn: psycopg.Connection[Any], ticker: Ticker, after: Callable[[], None]) -> None:
    courtesy = Courtesy()
    step = LogReplay().step if work.of == "log" else _replay_items
    while True:
        jobs.go_on(work.job_id)
        courtesy.give_way(conn)
        with courtesy.step(), transaction.atomic():
            more = step(work, ticker)
        after()
        if not more:
            return


def _replay_items(work: events.ReplayWork, ticker: Ticker) -> bool:
    """The next items of the quarantine; whether there may be more."""
    place, counts = work.position, work.counts
    if not isinstance(work.fits, QuarantineFilter):
        raise TypeError("this replay is not of the quarantine")
    ids = kept.next_items(work.fits, after=place["after"], last=place["last"], limit=_ITEMS_A_STEP)
    if not ids:
        return False
    done = connectors.accept_again(ids, by=work.requested_by, now=ticker())
    work.position = {**place, "after": ids[-1]}
    work.counts = {
        "accepted": counts.get("accepted", 0) + done.accepted,
        "refused": counts.get("refused", 0) + len(done.refused),
    }
    events.keep_place(work, done=sum(work.counts.values()))
    return len(ids) == _ITEMS_A_STEP
