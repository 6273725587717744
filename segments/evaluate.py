"""One rule for one profile, condition by condition: what `explain` shows. Plain Python, no arrays, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, assert_never

from segments.measures import MeasureKey, keys_of
from segments.rules import Absent, All, AnyOf, EventCount, EventSum, EventTime, Leaf, Node, Not, TraitIs
from segments.values import compare, instant, matches_at, micros_of_amount
from segments.windows import MINUTE_US, Window, minute_of


class Counted(NamedTuple):
    """Some events of one measure: their minute (or the earliest of them), how many, and their sum in millionths."""

    minute: int
    n: int
    micros: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that rules can ask about one profile."""

    traits: Mapping[str, Any] = field(default_factory=dict)
    counted: Mapping[MeasureKey, Sequence[Counted]] = field(default_factory=dict)

    def of(self, key: MeasureKey) -> Sequence[Counted]:
        return self.counted.get(key, ())


def holds(node: Node, facts: Facts, *, now: datetime) -> bool:
    """Whether the profile with these facts meets the rule now."""
    match node:
        case All(children):
            return all(holds(child, facts, now=now) for child in children)
        case AnyOf(children):
            return any(holds(child, facts, now=now) for child in children)
        case Not(child):
            return not holds(child, facts, now=now)
        case _:
            return leaf_holds(node, actual(node, facts, now=now), now=now)


def actual(leaf: Leaf, facts: Facts, *, now: datetime) -> Any:
    """What the condition looks at: the trait, a count, a sum in millionths, a minute, or (absent, after) minutes."""
    match leaf:
        case TraitIs():
            return facts.traits.get(leaf.trait)
        case EventCount():
            return sum(one.n for one in _inside(leaf, facts, now))
        case EventSum():
            return sum(one.micros for one in _inside(leaf, facts, now))
        case EventTime():
            minutes = [one.minute for one in facts.of(keys_of(leaf)[0])]
            return (min if leaf.which == "first" else max)(minutes, default=None)
        case Absent():
            return tuple(max((one.minute for one in facts.of(key)), default=None) for key in keys_of(leaf))
        case _:
            assert_never(leaf)


def _inside(leaf: EventCount | EventSum, facts: Facts, now: datetime) -> list[Counted]:
    since = leaf.within.since(minute_of(now)) if leaf.within else None
    return [one for one in facts.of(keys_of(leaf)[0]) if since is None or one.minute >= since]


def leaf_holds(leaf: Leaf, found: Any, *, now: datetime) -> bool:
    """Whether the condition holds, given what `actual` found."""
    match leaf:
        case TraitIs():
            return matches_at(leaf.op, leaf.value, found, now=now)[0]
        case EventCount():
            return bool(compare(leaf.op, found, leaf.value))
        case EventSum():
            return bool(compare(leaf.op, found, micros_of_amount(leaf.value)))
        case EventTime():
            return found is not None and _time_holds(leaf, found, now)
        case Absent():
            absent, after = found
            return after is not None and (absent is None or absent < after) and _past(leaf.lasting, after, now)
        case _:
            assert_never(leaf)


def _time_holds(leaf: EventTime, minute: int, now: datetime) -> bool:
    if isinstance(leaf.value, Window):
        return _past(leaf.value, minute, now) == (leaf.op == "more_than_ago")
    return (minute < limit_minute(leaf.value)) == (leaf.op == "before")


def _past(window: Window, minute: int, now: datetime) -> bool:
    return minute_of(now) >= int(window.end_of(minute))


def limit_minute(text: str) -> int:
    """The minute of a date in a rule about event times, which are known to the minute."""
    return (instant(text) or 0) // MINUTE_US
