"""Many rules for many profiles at once: a distinct condition is one pass over the counters, a rule is boolean algebra.

Besides the answer every condition gives the first minute at which time alone changes it; a rule joins those to the
first minute at which it may change (exact for a single condition, never too late for several).
"""

from collections.abc import Mapping
from collections.abc import Sequence as Many
from datetime import datetime
from typing import NamedTuple, assert_never

import numpy as np
import numpy.typing as npt

from segments.entries import Entries
from segments.evaluate import limit_minute
from segments.measures import MeasureKey, keys_of
from segments.rules import (
    Absent,
    All,
    AnyOf,
    EventCount,
    EventStat,
    EventSum,
    EventTime,
    InBucket,
    InSegment,
    Leaf,
    Node,
    Not,
    OnList,
    Sequence,
    TraitIs,
)
from segments.sequences import NOTHING, Happened, complete
from segments.values import compare, matches_at, micros_of_amount, percentile, read_json
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
    """The facts of some profiles at `now`, and the answers found so far."""

    def __init__(
        self,
        *,
        profiles: Ints,
        entries: Entries,
        measure_ids: Mapping[MeasureKey, int],
        traits: Mapping[str, Many[str | bytes | None]],
        lists: Mapping[str, Bools],
        now: datetime,
    ) -> None:
        """`traits` has one JSON text per profile for each trait that a rule may ask for; `lists` who is on each."""
        self._profiles, self._size, self._lists = profiles, len(profiles), lists
        self._measure_ids, self._traits, self._now = measure_ids, traits, now
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
            case EventStat():
                return self._stat(leaf)
            case EventTime():
                return self._time(leaf)
            case Absent():
                return self._absent(leaf)
            case Sequence():
                return self._sequence(leaf)
            case _:
                return self._standing(leaf)

    def _standing(self, leaf: InSegment | OnList | InBucket) -> Answer:
        """What time does not change."""
        match leaf:
            case OnList(name):
                return Answer(self._lists[name], None)
            case InBucket(seed, start, end):
                drawn = (start <= percentile(seed, one) < end for one in self._profiles.tolist())
                return Answer(np.fromiter(drawn, dtype=np.bool_, count=self._size), None)
            case InSegment():
                raise TypeError("a rule is evaluated with the rules it refers to in their places")
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
        ends = leaf.within.end_of(found.minute)
        # Entries of one hour leave a long window together: only the rest after the last of them is ever there.
        together = np.append((ends[1:] == ends[:-1]) & (found.group[1:] == found.group[:-1]), False)
        changes = inside & ~together & (compare(leaf.op, rest, wanted) != answers[found.group])
        due = np.minimum.reduceat(np.where(changes, ends, NEVER), found.starts)
        return Answer(holds, self._scatter(found, due))

    def _stat(self, leaf: EventStat) -> Answer:
        wanted = int(leaf.value) if leaf.stat == "distinct" else micros_of_amount(leaf.value)
        nothing = leaf.stat == "distinct" and bool(compare(leaf.op, 0, wanted))
        holds = np.full(self._size, nothing)
        found = self._slice(keys_of(leaf)[0])
        if found is None:
            return Answer(holds, None)
        inside = np.full(len(found.minute), True)
        if leaf.within is not None:
            inside = found.minute >= leaf.within.since(self._minute)
        known, values = _statistic(leaf, found, inside)
        if leaf.stat == "avg":
            # Sums and counts are compared in whole numbers of any size: a division would round.
            total, count = values
            answers = compare(leaf.op, total.astype(object), wanted * count.astype(object)).astype(np.bool_)
        else:
            answers = compare(leaf.op, values[0], wanted)
        holds[found.owners] = np.where(known, answers, nothing)
        if leaf.within is None:
            return Answer(holds, None)
        # The first event that leaves may change the answer: never too late, and it is looked at again then.
        ends = np.where(inside, leaf.within.end_of(found.minute), NEVER)
        return Answer(holds, self._scatter(found, np.minimum.reduceat(ends, found.starts)))

    def _sequence(self, leaf: Sequence) -> Answer:
        holds = np.zeros(self._size, dtype=np.bool_)
        found = complete(leaf, [self._happened(key) for key in keys_of(leaf)], now_minute=self._minute)
        if not len(found.owner):
            return Answer(holds, None)
        holds[found.owner] = True
        due = np.full(self._size, NEVER, dtype=np.int64)
        last = np.append(found.owner[1:] != found.owner[:-1], True)
        due[found.owner[last]] = leaf.within.end_of(found.minute[last])
        return Answer(holds, due)

    def _happened(self, key: MeasureKey) -> Happened:
        found = self._slice(key)
        return NOTHING if found is None else Happened(found.owners[found.group], found.minute)

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


def _statistic(leaf: EventStat, found: _Slice, inside: Bools) -> tuple[Bools, tuple[Ints, ...]]:
    """For each owner whether there is anything to look at, and the numbers it comes to."""
    known = np.logical_or.reduceat(inside, found.starts)
    if leaf.stat == "avg":
        amounts = (np.add.reduceat(np.where(inside, one, 0), found.starts) for one in (found.micros, found.n))
        return known, tuple(amounts)
    if leaf.stat == "distinct":
        order = np.lexsort((found.micros, found.group))
        order = order[inside[order]]
        group, value = found.group[order], found.micros[order]
        new = np.r_[True, (group[1:] != group[:-1]) | (value[1:] != value[:-1])][: len(order)]
        return known, (np.bincount(group[new], minlength=len(found.starts)),)
    ufunc, otherwise = (np.minimum, 2**62) if leaf.stat == "min" else (np.maximum, -(2**62))
    return known, (ufunc.reduceat(np.where(inside, found.micros, otherwise), found.starts),)


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
