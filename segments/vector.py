"""Many rules for many profiles at once: a distinct condition is one pass over the counters, a rule is boolean algebra.

Besides the answer every condition gives the first minute at which time alone changes it; a rule joins those to the
first minute at which it may change (exact for a single condition, never too late for several).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from segments.entries import Entries
from segments.evaluate import limit_minute
from segments.measures import MeasureKey, keys_of
from segments.rules import Absent, All, AnyOf, EventCount, EventSum, EventTime, Leaf, Node, Not, TraitIs
from segments.values import compare, matches_at, micros_of_amount, read_json
from segments.windows import NEVER, Window, minute_of

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Answer(NamedTuple):
    """For each profile whether it holds, and the minute at which that may change by itself (None: never)."""

    holds: Bools
    due: Ints | None


class _Slice(NamedTuple):
    """The entries of one measure, ordered by owner and minute, and where each owner's begin."""

    owners: Ints
    starts: Ints
    group: Ints
    minute: Ints
    n: Ints
    micros: Ints


class Evaluation:
    """The facts of `size` profiles at `now`, and the answers found so far."""

    def __init__(
        self,
        *,
        size: int,
        entries: Entries,
        measure_ids: Mapping[MeasureKey, int],
        traits: Mapping[str, Sequence[str | bytes | None]],
        now: datetime,
    ) -> None:
        """`traits` has one JSON text per profile for each trait name that a rule may ask for."""
        self._size, self._measure_ids, self._traits, self._now = size, measure_ids, traits, now
        self._minute = minute_of(now)
        self._answers: dict[int, tuple[Node, Answer]] = {}
        self._slices: dict[int, _Slice | None] = {}
        self._ids = np.unique(np.fromiter(measure_ids.values(), dtype=np.int64, count=len(measure_ids)))
        entries = entries.take(np.isin(entries.measure, self._ids))
        # One 64-bit key orders by measure, owner and minute in a single pass: 2^27 minutes last until 2225.
        rank = np.searchsorted(self._ids, entries.measure)
        key = (rank << 48) | (entries.owner << 27) | np.minimum(entries.minute, 2**27 - 1)
        self._entries = entries.take(np.argsort(key))

    def answer(self, node: Node) -> Answer:
        """The answer of a whole rule. A node that several rules share is evaluated once."""
        kept = self._answers.get(id(node))
        if kept is None:
            # The node is kept beside its answer: its id is its own as long as it lives.
            kept = self._answers[id(node)] = (node, self._answer(node))
        return kept[1]

    def _answer(self, node: Node) -> Answer:
        match node:
            case All(children):
                return self._joined([self.answer(child) for child in children], every=True)
            case AnyOf(children):
                return self._joined([self.answer(child) for child in children], every=False)
            case Not(child):
                found = self.answer(child)
                return Answer(~found.holds, found.due)
            case _:
                return self._leaf(node)

    def _joined(self, answers: list[Answer], *, every: bool) -> Answer:
        if not answers:
            return Answer(np.full(self._size, every), None)
        if len(answers) == 1:
            return answers[0]
        stack = [one.holds for one in answers]
        holds = np.logical_and.reduce(stack) if every else np.logical_or.reduce(stack)
        return Answer(holds, _joined_due(answers, holds, every=every))

    def _leaf(self, leaf: Leaf) -> Answer:
        match leaf:
            case TraitIs():
                return self._trait(leaf)
            case EventCount() | EventSum():
                return self._amount(leaf)
            case EventTime():
                return self._time(leaf)
            case Absent():
                return self._absent(leaf)
            case _:
                assert_never(leaf)

    def _trait(self, leaf: TraitIs) -> Answer:
        known: dict[str | bytes | None, tuple[bool, int | None]] = {}
        texts = self._traits[leaf.trait]
        for text in set(texts):
            value = None if text is None else read_json(text)
            known[text] = matches_at(leaf.op, leaf.value, value, now=self._now)
        found = [known[text] for text in texts]
        holds = np.fromiter((one[0] for one in found), dtype=np.bool_, count=self._size)
        if not any(due is not None for _, due in known.values()):
            return Answer(holds, None)
        due = (NEVER if one[1] is None else one[1] for one in found)
        return Answer(holds, np.fromiter(due, dtype=np.int64, count=self._size))

    def _amount(self, leaf: EventCount | EventSum) -> Answer:
        wanted = leaf.value if isinstance(leaf, EventCount) else micros_of_amount(leaf.value)
        holds = np.full(self._size, bool(compare(leaf.op, 0, wanted)))
        found = self._slice(keys_of(leaf)[0])
        if found is None:
            return Answer(holds, None)
        amounts = found.n if isinstance(leaf, EventCount) else found.micros
        if leaf.within is None:
            holds[found.owners] = compare(leaf.op, np.add.reduceat(amounts, found.starts), wanted)
            return Answer(holds, None)
        inside = found.minute >= leaf.within.since(self._minute)
        amounts = np.where(inside, amounts, 0)
        totals = np.add.reduceat(amounts, found.starts)
        answers = compare(leaf.op, totals, wanted)
        holds[found.owners] = answers
        # What is left when an entry and all older ones have gone: the first such rest with another answer is the date.
        gone = np.cumsum(amounts)
        before = gone[found.starts] - amounts[found.starts]
        rest = (totals + before)[found.group] - gone
        changes = inside & (compare(leaf.op, rest, wanted) != answers[found.group])
        ends = np.where(changes, leaf.within.end_of(found.minute), NEVER)
        return Answer(holds, self._scatter(found, np.minimum.reduceat(ends, found.starts)))

    def _time(self, leaf: EventTime) -> Answer:
        holds = np.zeros(self._size, dtype=np.bool_)
        found = self._slice(keys_of(leaf)[0])
        if found is None:
            return Answer(holds, None)
        minutes = found.minute[found.starts] if leaf.which == "first" else _last(found)
        if not isinstance(leaf.value, Window):
            early = minutes < limit_minute(leaf.value)
            holds[found.owners] = early if leaf.op == "before" else ~early
            return Answer(holds, None)
        ends = leaf.value.end_of(minutes)
        past = ends <= self._minute
        holds[found.owners] = past if leaf.op == "more_than_ago" else ~past
        return Answer(holds, self._scatter(found, np.where(past, NEVER, ends)))

    def _absent(self, leaf: Absent) -> Answer:
        holds = np.zeros(self._size, dtype=np.bool_)
        absent_key, after_key = keys_of(leaf)
        after = self._slice(after_key)
        if after is None:
            return Answer(holds, None)
        minutes = _last(after)
        latest = np.full(self._size, -1, dtype=np.int64)
        absent = self._slice(absent_key)
        if absent is not None:
            latest[absent.owners] = _last(absent)
        waiting = latest[after.owners] < minutes
        ends = leaf.lasting.end_of(minutes)
        past = ends <= self._minute
        holds[after.owners] = waiting & past
        return Answer(holds, self._scatter(after, np.where(waiting & ~past, ends, NEVER)))

    def _scatter(self, found: _Slice, due: Ints) -> Ints:
        spread = np.full(self._size, NEVER, dtype=np.int64)
        spread[found.owners] = due
        return spread

    def _slice(self, key: MeasureKey) -> _Slice | None:
        measure = self._measure_ids[key]
        if measure not in self._slices:
            self._slices[measure] = self._cut(measure)
        return self._slices[measure]

    def _cut(self, measure: int) -> _Slice | None:
        low, high = np.searchsorted(self._entries.measure, [measure, measure + 1])
        if low == high:
            return None
        owner = self._entries.owner[low:high]
        first = np.r_[True, owner[1:] != owner[:-1]]
        starts = np.flatnonzero(first)
        columns = (self._entries.minute[low:high], self._entries.n[low:high], self._entries.micros[low:high])
        return _Slice(owner[starts], starts, np.cumsum(first) - 1, *columns)


def _last(found: _Slice) -> Ints:
    ends = np.append(found.starts[1:], len(found.minute)) - 1
    last: Ints = found.minute[ends]
    return last


def _joined_due(answers: list[Answer], holds: Bools, *, every: bool) -> Ints | None:
    """When a group may change: at the first change of any child, if all children agree; else not before the last of
    those that decide it (an `all` that fails waits for every failing child, an `any` that holds for every holding one).
    """
    if all(one.due is None for one in answers):
        return None
    soonest = np.full(len(holds), NEVER, dtype=np.int64)
    latest = np.zeros(len(holds), dtype=np.int64)
    for one in answers:
        due = NEVER if one.due is None else one.due
        soonest = np.minimum(soonest, due)
        latest = np.maximum(latest, np.where(one.holds != every, due, 0))
    decided = holds != every
    return np.where(decided, latest, soonest)
