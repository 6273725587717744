"""Events of the log under the rules of today: what they say of identifiers, links and traits is derived once more, and
an event that hangs on the wrong identifier is hung on the right one, with its counters.

Nothing of that is new evidence: the same event says the same thing once, so a second replay changes nothing.
"""

import time
import uuid
from typing import Any

import numpy as np
import psycopg

import connectors.services as connectors
import events.services as events
import identity.services as identity
import insights.services as insights
import privacy.services as privacy
import segments.services as segments
from cdp.pipeline.collect import Collected, collect
from cdp.pipeline.screen import screen
from common import pg, turns
from common.clock import Ticker
from events.contracts import LogFilter
from identity.contracts import Resolution
from segments.contracts import Activity

# So many events are about a step: fewer would pay for statements, more would keep the turn from others for long.
_EVENTS_A_STEP = 1_000
_FIRST_PAGES, _MOST_PAGES = 40, 4_000
_WAIT_SECONDS = 0.1


class LogReplay:
    """One run of a replay: how much a step takes is learned on the way."""

    def __init__(self) -> None:
        self._pages = _FIRST_PAGES
        self._holder = f"replay {uuid.uuid4().hex}"

    def step(self, work: events.ReplayWork, ticker: Ticker) -> bool:
        """The next pages, in the caller's transaction; whether there may be more."""
        if not isinstance(work.fits, LogFilter):
            raise TypeError("this replay is not of the log")
        place = work.position
        if not place["parts"]:
            return False
        conn, part = pg.raw(), place["parts"][0]
        piece, page = events.reread(
            conn, work.fits, ids=place["ids"], part=part, page=place["page"], pages=self._pages
        )  # fmt: skip
        if len(piece) and not self._replay(work, conn, piece, ticker):
            return True
        self._learn(len(piece))
        parts = place["parts"] if page is not None else place["parts"][1:]
        work.position = {**place, "parts": parts, "page": page or 0}
        events.keep_place(work, done=work.counts.get("events", 0), stage=part)
        return bool(parts)

    def _learn(self, found: int) -> None:
        """How many pages hold as much as a step should read; with a rare filter many."""
        wanted = self._pages * _EVENTS_A_STEP // max(found, 1)
        self._pages = min(max(wanted, 1), self._pages * 2, _MOST_PAGES)

    def _replay(
        self, work: events.ReplayWork, conn: psycopg.Connection[Any], piece: events.Piece, ticker: Ticker
    ) -> bool:
        """False when something of the piece went meanwhile: it is read again."""
        collected = collect(piece.batch)
        if not segments.nobody_counts(conn):
            # A rule's past is being counted on the log as it was: nothing may be hung elsewhere now.
            time.sleep(_WAIT_SECONDS)
            return False
        turns.borrow(conn)
        if not events.still_there(conn, piece):
            return False
        piece, collected = _allowed(conn, piece, collected)
        collected.evidence.consents[:] = privacy.with_evidence(conn, collected.evidence.consents)
        now = ticker()
        resolution = identity.apply_evidence(conn, evidence=collected.evidence, memory=identity.Memory(), now=now)
        changes = segments.follow(
            conn, activity=Activity(), moved=resolution.moved, retired=resolution.retired,
            touched_traits=resolution.traits_changed, created=resolution.created, memory=segments.Memory(), now=now,
        )  # fmt: skip
        rehung, counted = _rehang(conn, piece, collected, resolution, ticker)
        changed = resolution.traits_changed.union(*((one.from_profile, one.to_profile) for one in resolution.moved))
        connectors.note_changed(conn, profile_ids=sorted(changed), now=now)
        insights.note_touched(conn, identifier_ids=[one for move in resolution.moved for one in move], now=now)
        if resolution.moved or resolution.created or resolution.retired:
            # The applier remembers who is who, and must forget it.
            turns.take(conn, self._holder)
        self._count(
            work, events=len(piece), profiles_new=len(resolution.created), identifiers_moved=len(resolution.moved),
            profiles_with_other_traits=len(resolution.traits_changed), events_on_other_identifiers=rehung,
            memberships=changes + counted,
        )  # fmt: skip
        return True

    def _count(self, work: events.ReplayWork, **came_to: int) -> None:
        work.counts = {name: work.counts.get(name, 0) + count for name, count in came_to.items()}


def _allowed(
    conn: psycopg.Connection[Any], piece: events.Piece, collected: Collected
) -> tuple[events.Piece, Collected]:
    """Without events that would not be stored today: they say nothing any more."""
    screened = screen(conn, piece.batch, collected)
    allowed, collected = screened.batch, screened.collected
    if len(allowed) == len(piece):
        return piece, collected
    kept = {id(item) for item in allowed.items}
    at = [place for place, item in enumerate(piece.batch.items) if id(item) in kept]
    places, owners = ([column[place] for place in at] for column in (piece.places, piece.identifier_ids))
    return events.Piece(piece.partition, places, owners, allowed), collected  # type: ignore[arg-type]


def _rehang(
    conn: psycopg.Connection[Any], piece: events.Piece, collected: Collected, resolution: Resolution, ticker: Ticker
) -> tuple[int, int]:
    """Events that hang on another identifier now: how many, and the ledger's new rows."""
    if not len(piece):
        return 0, 0
    before = np.asarray(piece.identifier_ids, dtype=np.int64)
    after = resolution.identifier_ids[np.asarray(collected.carriers, dtype=np.int64)]
    at = np.flatnonzero(before != after)
    if not len(at):
        return 0, 0
    events.rehang(conn, piece, at.tolist(), after[at].tolist())
    insights.note_touched(conn, identifier_ids=np.concatenate([before[at], after[at]]), now=ticker())
    changes = segments.recount(
        conn, identifier_ids={*before[at].tolist(), *after[at].tolist()},
        names={piece.batch.names[place] for place in at.tolist()}, now=ticker(), reason="replay",
    )  # fmt: skip
    return len(at), changes
