"""What is counted per identifier so that rules need not read the event log.

A measure is a distinct (event, filter, property, kind) over all live segments: twenty rules about the same order share
one counter.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from segments.parsing import parse_where
from segments.rules import (
    PROPERTY_OPS,
    Absent,
    EventCount,
    EventStat,
    EventSum,
    EventTime,
    Leaf,
    Node,
    PropertyIs,
    Sequence,
    Step,
    Where,
    leaves,
)
from segments.windows import Window

EventLeaf: TypeAlias = EventCount | EventSum | EventStat | EventTime | Absent | Sequence
Kind: TypeAlias = Literal["sum", "min", "max", "distinct"]
# What counters may be filtered by, beyond what people write.
_STORED_OPS = (*PROPERTY_OPS, "is_amount", "is_value")


@dataclass(frozen=True, slots=True)
class MeasureKey:
    """Which events are counted, and which property is added up (none: only counted), or what else is kept of it."""

    event: str
    where: Where = ()
    sum_property: str | None = None
    kind: Kind = "sum"

    def text(self) -> str:
        """Canonical: equal measures have equal texts."""
        parts = [self.event, self.where_json(), self.sum_property, *([] if self.kind == "sum" else [self.kind])]
        return json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    def where_json(self) -> list[dict[str, Any]]:
        return [one.to_json() for one in self.where]


@dataclass(frozen=True, slots=True)
class Horizon:
    """How far back single minutes and single hours must be kept: the longest windows that read the measure."""

    minutes: int = 0
    hours: int = 0

    def with_window(self, window: Window) -> "Horizon":
        if window.hourly:
            return Horizon(self.minutes, max(self.hours, window.minutes // 60))
        return Horizon(max(self.minutes, window.minutes), self.hours)

    def joined(self, other: "Horizon") -> "Horizon":
        return Horizon(max(self.minutes, other.minutes), max(self.hours, other.hours))

    def covers(self, other: "Horizon") -> bool:
        return self.joined(other) == self


def key_of_json(event: str, where: list[dict[str, Any]], sum_property: str | None, kind: Kind = "sum") -> MeasureKey:
    """The key from its stored columns."""
    return MeasureKey(event, parse_where({"where": where}, ops=_STORED_OPS), sum_property, kind)


def keys_of(leaf: Leaf) -> tuple[MeasureKey, ...]:
    """The measures that a condition reads: two for an absence (absent, after), one for each step of a sequence and then
    each of `without`, none for what is not about events."""
    match leaf:
        case EventCount() | EventTime():
            return (MeasureKey(leaf.event, leaf.where),)
        case EventSum():
            return (MeasureKey(leaf.event, leaf.where, leaf.property),)
        case EventStat():
            return (_stat_key(leaf),)
        case Absent():
            return (MeasureKey(leaf.absent), MeasureKey(leaf.after))
        case Sequence():
            return tuple(_step_key(one) for one in (*leaf.steps, *leaf.without))
        case _:
            return ()


def _stat_key(leaf: EventStat) -> MeasureKey:
    """Only events that have something to count are counted, so that an average divides by the right number."""
    counted = PropertyIs(leaf.property, "is_value" if leaf.stat == "distinct" else "is_amount", None)
    return MeasureKey(leaf.event, (*leaf.where, counted), leaf.property, "sum" if leaf.stat == "avg" else leaf.stat)


def _step_key(step: Step) -> MeasureKey:
    return MeasureKey(step.event, step.where)


def needs(rule: Node) -> dict[MeasureKey, Horizon]:
    """The measures of a rule with the horizon that its windows ask for."""
    needed: dict[MeasureKey, Horizon] = {}
    for leaf in leaves(rule):
        for key in keys_of(leaf):
            needed[key] = _horizon(leaf).joined(needed.get(key, Horizon()))
    return needed


def _horizon(leaf: Leaf) -> Horizon:
    if isinstance(leaf, Sequence):
        # Order is told by single minutes, however long the window is; an hourly one may begin an hour earlier.
        return Horizon(minutes=leaf.within.minutes + 60)
    if isinstance(leaf, EventCount | EventSum | EventStat) and leaf.within:
        return Horizon().with_window(leaf.within)
    return Horizon()
