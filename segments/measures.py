"""What is counted per identifier so that rules need not read the event log.

A measure is a distinct (event, filter, summed property) over all live segments: twenty rules about the same order
share one counter.
"""

import json
from dataclasses import dataclass
from typing import Any, TypeAlias

from segments.parsing import parse_where
from segments.rules import Absent, EventCount, EventSum, EventTime, Leaf, Node, TraitIs, Where, leaves
from segments.windows import Window

EventLeaf: TypeAlias = EventCount | EventSum | EventTime | Absent


@dataclass(frozen=True, slots=True)
class MeasureKey:
    """Which events are counted, and which property is added up (none: only counted)."""

    event: str
    where: Where = ()
    sum_property: str | None = None

    def text(self) -> str:
        """Canonical: equal measures have equal texts."""
        parts = [self.event, self.where_json(), self.sum_property]
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


def key_of_json(event: str, where: list[dict[str, Any]], sum_property: str | None) -> MeasureKey:
    """The key from its stored columns."""
    return MeasureKey(event, parse_where({"where": where}), sum_property)


def keys_of(leaf: Leaf) -> tuple[MeasureKey, ...]:
    """The measures that a condition reads: none for a trait, two for an absence (absent, after)."""
    match leaf:
        case TraitIs():
            return ()
        case EventSum():
            return (MeasureKey(leaf.event, leaf.where, leaf.property),)
        case Absent():
            return (MeasureKey(leaf.absent), MeasureKey(leaf.after))
        case _:
            return (MeasureKey(leaf.event, leaf.where),)


def needs(rule: Node) -> dict[MeasureKey, Horizon]:
    """The measures of a rule with the horizon that its windows ask for."""
    needed: dict[MeasureKey, Horizon] = {}
    for leaf in leaves(rule):
        for key in keys_of(leaf):
            horizon = needed.get(key, Horizon())
            if isinstance(leaf, EventCount | EventSum) and leaf.within:
                horizon = horizon.with_window(leaf.within)
            needed[key] = horizon
    return needed
