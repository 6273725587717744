"""The applier: takes what waits in the inbox and applies it, one transaction a batch, one applier at a time."""

import gc
import logging
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
import zstandard

import campaigns.services as campaigns
import connectors.services as connectors
import events.services as events
import identity.services as identity
import insights.services as insights
import privacy.services as privacy
import quality.services as quality
import segments.services as segments
from cdp.pipeline.damaged import set_aside
from cdp.pipeline.prepare import Preparation, Prepared
from cdp.pipeline.screen import without
from common import clock, pg, turns
from events.contracts import Tallied
from identity.contracts import Move
from segments.contracts import Activity

log = logging.getLogger(__name__)

BATCH_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Applied:
    """What one batch came to."""

    taken: int = 0
    fresh: int = 0
    changes: int = 0
    withheld: int = 0
    noted: int = 0
    damaged: int = 0


class Applier:
    """Everything a process remembers between batches. Cheap to make; one a process."""

    def __init__(self, *, dedup_days: int = 7) -> None:
        self.holder = uuid.uuid4().hex
        self._conn: psycopg.Connection[Any] | None = None
        self._seen = events.SeenMessages(days=dedup_days)
        self._log = events.Log()
        self._people = identity.Memory()
        self._rules = segments.Memory()
        self._preparation = Preparation()
        self._figures = quality.FiguresStage()
        self._decompressor = zstandard.ZstdDecompressor()
        self._limit = BATCH_EVENTS
        self._requests = 0

    def apply_batch(self, *, now: datetime) -> Applied:
        """Apply what waits, oldest first, up to 20,000 events or 8 MB of them, as one transaction.

        A document that cannot be read any more goes to the quarantine as it is, and the others are applied. A batch
        that fails is tried again in smaller parts, at last item by item; an item that fails alone goes to the
        quarantine with the reason. Nothing is lost and nothing is applied twice, whatever happens in between.
        """
        conn = self._connection()
        self._requests = 0
        try:
            if not events.waiting(conn):
                # Nothing may come for hours: what was learned of the last events is not held back until then.
                self._preparation.plan.write_when_due(conn, now=now)
                return Applied()
            with _no_garbage_collection(), conn.transaction():
                taken = self._take(conn, now=now)
                batch, damaged = events.parse(taken.rows, decompressor=self._decompressor)
                set_aside(conn, damaged, now=now)
                applied = self._apply(conn, batch, now=now)
                if taken.rows:
                    events.settle(conn, taken, now=now)
                if applied.withheld or damaged:
                    events.forget(conn, taken)
            self._remember()
        except Exception as failure:
            self._forget()
            if _is_outage(failure):
                raise
            log.exception("a batch of %s requests could not be applied; trying smaller parts", self._requests)
            if self._requests <= 1:
                return self._apply_one_by_one(now=now)
            self._limit = max(1, self._limit // 8)
            return Applied()
        self._limit = min(BATCH_EVENTS, self._limit * 2)
        return Applied(taken.events, applied.fresh, applied.changes, noted=applied.noted, damaged=len(damaged))

    def close(self) -> None:
        """Let go of the connection; the applier can be used again."""
        if self._conn is not None:
            self._conn.close()
        self._conn = None

    def _take(self, conn: psycopg.Connection[Any], *, now: datetime) -> events.Claim:
        self._take_turn(conn, now=now)
        taken = events.claim(conn, events=self._limit)
        self._requests = len(taken.rows)
        return taken

    def _take_turn(self, conn: psycopg.Connection[Any], *, now: datetime) -> None:
        if not turns.take(conn, self.holder):
            self._people.forget()
            self._rules.forget()
            self._log.forget()
            self._seen.renew(conn)
        self._seen.catch_up(conn, today=now.date())

    def _apply(self, conn: psycopg.Connection[Any], batch: events.Batch, *, now: datetime) -> Applied:
        """The order of everything that follows from a batch of events."""
        if not len(batch):
            return Applied()
        fresh, hashes = self._deduplicate(batch)
        prepared = self._preparation.prepare(conn, fresh, now=now)
        # What rules or the plan put into the quarantine was not applied: it may come again when they are others.
        applied = hashes[~np.isin(hashes, _hashes(prepared.aside))] if len(prepared.aside) else hashes
        self._seen.stage(conn, applied, today=now.date())
        allowed, collected = prepared.screened.batch, prepared.screened.collected
        self._preparation.plan.learn(conn, allowed, now=now)
        _tally(conn, batch, fresh, prepared, now=now)
        withheld = prepared.screened.withheld
        self._figures.note(
            conn, came=without(batch, withheld), fresh=without(fresh, withheld), aside=prepared.aside,
            judged=prepared.judged, faulty=prepared.faulty, now=now,
        )  # fmt: skip
        fresh = allowed
        collected.evidence.consents[:] = privacy.with_evidence(conn, collected.evidence.consents)
        resolution = identity.apply_evidence(conn, evidence=collected.evidence, memory=self._people, now=now)
        carriers = np.asarray(collected.carriers, dtype=np.int64)
        identifier_ids = resolution.identifier_ids[carriers] if len(carriers) else carriers
        profile_ids = resolution.profile_ids[carriers] if len(carriers) else carriers
        self._log.append(conn, fresh, identifier_ids.tolist())
        activity = Activity(
            identifier_ids=identifier_ids,
            profile_ids=profile_ids,
            names=fresh.names,
            at_us=fresh.occurred_us,
            properties=fresh.properties,
        )
        changes = segments.follow(
            conn, activity=activity, moved=resolution.moved, retired=resolution.retired,
            touched_traits=resolution.traits_changed, created=resolution.created, memory=self._rules, now=now,
        )  # fmt: skip
        changed = resolution.traits_changed.union(*((move.from_profile, move.to_profile) for move in resolution.moved))
        connectors.note_changed(conn, profile_ids=sorted(changed), now=now)
        _note_touched(conn, fresh, identifier_ids, resolution.moved, now=now)
        noted = campaigns.note_events(conn, activity)
        return Applied(len(batch), len(fresh), changes, len(withheld) + prepared.robots.total(), noted)

    def _deduplicate(self, batch: events.Batch) -> tuple[events.Batch, npt.NDArray[np.uint64]]:
        """The messages that are new, and their hashes."""
        hashes = _hashes(batch)
        keep = self._seen.fresh(hashes)
        return batch if keep.all() else batch.only(np.flatnonzero(keep).tolist()), hashes[keep]

    def _apply_one_by_one(self, *, now: datetime) -> Applied:
        """Each item of the oldest waiting request in a transaction of its own; then the cursor moves past it."""
        conn = self._connection()
        with conn.transaction():
            self._limit = 1
            taken = self._take(conn, now=now)
        batch, damaged = events.parse(taken.rows, decompressor=self._decompressor)
        counts = Counter[str]()
        for position in range(len(batch)):
            applied = self._apply_alone(conn, batch.only([position]), now=now)
            counts["fresh"] += applied.fresh
            counts["changes"] += applied.changes
            counts["withheld"] += applied.withheld
            counts["noted"] += applied.noted
        with conn.transaction():
            self._take_turn(conn, now=now)
            if taken.rows and events.claim(conn, events=1).inbox_id == taken.inbox_id:
                set_aside(conn, damaged, now=now)
                events.settle(conn, taken, now=now)
            if counts["withheld"] or damaged:
                events.forget(conn, taken)
        return Applied(
            taken.events, counts["fresh"], counts["changes"], noted=counts["noted"], damaged=len(damaged)
        )  # fmt: skip

    def _apply_alone(self, conn: psycopg.Connection[Any], item: events.Batch, *, now: datetime) -> Applied:
        try:
            with conn.transaction():
                self._take_turn(conn, now=now)
                applied = self._apply(conn, item, now=now)
            self._remember()
        except Exception as failure:
            self._forget()
            if _is_outage(failure):
                raise
            storable = events.with_numbers_as_text(item)
            if isinstance(failure, psycopg.errors.NumericValueOutOfRange) and storable != item:
                return self._apply_alone(conn, storable, now=now)
            log.exception("an item could not be applied; it goes to the quarantine")
            self._quarantine(conn, item, failure, now=now)
            return Applied()
        return applied

    def _quarantine(
        self, conn: psycopg.Connection[Any], item: events.Batch, failure: Exception, *, now: datetime
    ) -> None:
        setback = events.Setback(
            source_id=item.source_ids[0],
            reason="could_not_apply",
            detail=f"{type(failure).__name__}: {failure}"[:2000],
            message_id=item.message_ids[0],
            item=events.original(item.items[0]),
        )
        with conn.transaction():
            events.quarantine(conn, [setback], stage="apply", received_at=now)

    def _remember(self) -> None:
        self._seen.commit()
        self._people.trim()

    def _forget(self) -> None:
        """After a rollback the caches may hold ids that were never committed."""
        self._seen.rollback()
        self._figures.forget()
        self._log.forget()
        self._people.forget()
        self._rules.forget()
        if self._conn is not None and self._conn.broken:
            self.close()

    def _connection(self) -> psycopg.Connection[Any]:
        if self._conn is None or self._conn.closed:
            self._conn = pg.connect(autocommit=True)
        return self._conn


def _is_outage(failure: Exception) -> bool:
    """Whether the database is at fault and the same batch may pass later. PostgreSQL's limits of size and depth
    (SQLSTATE class 54) count as operational errors too, but it is the data that exceeds them, today and tomorrow."""
    return isinstance(failure, psycopg.OperationalError) and not (failure.sqlstate or "").startswith("54")


def drain(
    applier: Applier,
    *,
    after_changes: Callable[[], None] | None = None,
    after_damage: Callable[[], None] | None = None,
    clock_now: Callable[[], datetime] = clock.now,
    stay: float = 1.0,
    at_most: float = 60.0,
    pause: float = 0.01,
) -> int:
    """Apply until the inbox has been empty for `stay` seconds, or `at_most` seconds have gone; returns events taken.
    `after_changes` is called after each commit that changed memberships or brought what a campaign listens to,
    `after_damage` after each that put a document into the quarantine that cannot be read.

    Staying a little saves a task for every request: what comes meanwhile is seen within `pause` seconds.
    """
    began = idle_since = time.monotonic()
    total = 0
    while True:
        applied = applier.apply_batch(now=clock_now())
        moment = time.monotonic()
        total += applied.taken
        if (applied.changes or applied.noted) and after_changes is not None:
            after_changes()
        if applied.damaged and after_damage is not None:
            after_damage()
        if applied.taken:
            idle_since = moment
        elif moment - idle_since >= stay:
            return total
        else:
            time.sleep(pause)
        if moment - began >= at_most:
            return total


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A batch makes a hundred thousand small objects that all live until its end: looking through them for cycles
    again and again costs a sixth of the batch and finds nothing."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _hashes(batch: events.Batch) -> npt.NDArray[np.uint64]:
    """By which the messages are known again."""
    return np.fromiter(
        map(events.message_hash, batch.source_ids, batch.message_ids), dtype=np.uint64, count=len(batch)
    )  # fmt: skip


def _note_touched(
    conn: psycopg.Connection[Any], fresh: events.Batch, identifier_ids: npt.NDArray[np.int64], moved: list[Move],
    *, now: datetime,
) -> None:  # fmt: skip
    """Of whom features are to be computed anew: of whom something came, and both sides of who moved."""
    at = np.maximum(np.asarray(fresh.occurred_us, dtype=np.int64), np.asarray(fresh.received_us, dtype=np.int64))
    sides = np.asarray(moved, dtype=np.int64).ravel()
    insights.note_touched(
        conn, identifier_ids=np.concatenate([identifier_ids, sides]), now=now,
        at_us=np.concatenate([at, np.zeros(len(sides), dtype=np.int64)]),
    )  # fmt: skip


def _tally(
    conn: psycopg.Connection[Any], batch: events.Batch, fresh: events.Batch, prepared: Prepared, *, now: datetime
) -> None:
    """How many of each source came, were new, fit the plan, and may be stored."""
    screened = prepared.screened
    came, new, aside, kept = (
        Counter(stage.source_ids) for stage in (batch, fresh, prepared.aside, screened.batch)
    )  # fmt: skip
    counted = {
        one: Tallied(
            applied=kept[one], duplicates=came[one] - new[one], refused=aside[one],
            suppressed=screened.suppressed[one], unconsented=screened.unconsented[one], robots=prepared.robots[one],
        )
        for one in came
    }  # fmt: skip
    events.tally(conn, counted, now=now)
