"""Items as they are to be stored, in the order in which a reader would do it by hand: robots and whoever must not be
stored go, personal data that nobody planned is blocked, values are brought into one form, and what the plan asks for is
held against them.

`run.py` does this to batches and `rehearse.py` to one item, so that a rehearsal tells the truth.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

import connectors.services as connectors
import quality.services as quality
from cdp.pipeline.collect import Collected, collect
from cdp.pipeline.screen import Screened, messages, with_consent, without, without_suppressed
from events.services import Batch


@dataclass(frozen=True, slots=True)
class Prepared:
    """The items that may be stored with their evidence, and what was withheld; those `aside` in the quarantine; how
    many of robots were dropped by source; which events (source, name) were judged, and which messages (source, id) had
    something that does not hold."""

    screened: Screened
    aside: Batch
    robots: Counter[int]
    judged: set[tuple[int, str]]
    faulty: set[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class _Passed:
    """What rules and plan made of a batch: the items that go on, and those in the quarantine."""

    batch: Batch
    aside: Batch = field(default_factory=Batch)


class Preparation:
    """What a process remembers of rules and plan between batches. One a process."""

    def __init__(self) -> None:
        self._blocking = quality.BlockingStage()
        self._cleaning = quality.CleaningStage()
        self.plan = quality.PlanStage()

    def prepare(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> Prepared:
        """Take the items through, in the caller's transaction; those that may not go on are counted, or in the
        quarantine as they came.

        Rules and plan write what they find: the quarantine, and samples. Whether somebody may be stored is certain only
        after them, because they bring identifiers and choices into their form. So what they did with an item that is
        withheld then is undone, and the batch goes through once more without it.
        """
        arrived = connectors.arrive(conn, batch)
        came = quality.restored(arrived.batch)
        known = without_suppressed(conn, Screened(came, collect(came)))
        with conn.transaction() as attempt:
            passed = self._pass(conn, known.batch, now=now)
            screened = _screened(conn, known, passed)
            left = screened.withheld & self._left_traces(known.batch, passed)
            if left:
                raise psycopg.Rollback(attempt)
        if left:
            passed = self._pass(conn, without(known.batch, screened.withheld), now=now)
        return Prepared(
            screened, passed.aside, arrived.robots, self._cleaning.judged | self.plan.judged,
            self._blocking.faulty | self._cleaning.faulty | self.plan.faulty,
        )  # fmt: skip

    def _pass(self, conn: psycopg.Connection[Any], batch: Batch, *, now: datetime) -> _Passed:
        allowed = self._blocking.block(conn, batch, now=now)
        cleaned = self._cleaning.clean(conn, allowed, now=now)
        planned = self.plan.enforce(conn, cleaned, now=now)
        aside = Batch()
        for stage in (self._blocking, self._cleaning, self.plan):
            aside.extend(stage.aside)
        return _Passed(planned, aside)

    def _left_traces(self, before: Batch, passed: _Passed) -> set[tuple[int, str]]:
        """The messages of which rules or plan may have written something."""
        found = self._blocking.faulty | self._cleaning.faulty | self.plan.faulty | set(messages(passed.aside))
        if passed.batch is before:
            return found
        items = dict(zip(messages(before), before.items, strict=True))
        return found.union(
            message for message, item in zip(messages(passed.batch), passed.batch.items, strict=True)
            if item is not items[message]
        )  # fmt: skip


def _screened(conn: psycopg.Connection[Any], known: Screened, passed: _Passed) -> Screened:
    """What may be stored as it is now."""
    found = Screened(
        passed.batch, _collected(known, passed), suppressed=known.suppressed, withheld=known.withheld
    )  # fmt: skip
    if len(passed.aside) or found.collected is not known.collected:
        found = without_suppressed(conn, found, passed.aside)
    return with_consent(conn, found, passed.aside, known.batch)


def _collected(known: Screened, passed: _Passed) -> Collected:
    """The evidence: another one only when items went, or what it is told by was changed."""
    before, after = known.batch, passed.batch
    same = len(before) == len(after) and all(
        a is b or (a.traits is b.traits and c is d)
        for a, b, c, d in zip(before.items, after.items, before.contexts, after.contexts, strict=True)
    )
    return known.collected if same else collect(after)
