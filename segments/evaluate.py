"""One rule for one profile, condition by condition: what `explain` shows. Plain Python, no arrays, no database."""

from collections.abc import Collection, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, assert_never

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
from segments.sequences import starts_of
from segments.values import Zoned, compare, instant, matches_at, micros_of_amount, percentile, unzoned
from segments.windows import MINUTE_US, Window, minute_of


class Counted(NamedTuple):
    """Some events of one measure: their minute (or the earliest of them), how many, and what their amounts come to in
    millionths (the hash of a value where distinct ones are counted)."""

    minute: int
    n: int
    micros: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that rules can ask about one profile. Of profile 0 nothing is known yet, not even its chance."""

    profile_id: int = 0
    lists: Collection[str] = ()
    traits: Mapping[str, Any] = field(default_factory=dict)
    counted: Mapping[MeasureKey, Many[Counted]] = field(default_factory=dict)

    def of(self, key: MeasureKey) -> Many[Counted]:
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
    """What the condition looks at: the trait, a count, a sum in millionths, (sum, count) of an average, a minute,
    (absent, after) minutes, the first minutes of sequences, a percentile."""
    match leaf:
        case TraitIs():
            return facts.traits.get(leaf.trait)
        case EventCount() | EventSum() | EventStat():
            return _amount(leaf, _inside(leaf, facts, now))
        case EventTime():
            minutes = [one.minute for one in facts.of(keys_of(leaf)[0])]
            return (min if leaf.which == "first" else max)(minutes, default=None)
        case Absent():
            return tuple(max((one.minute for one in facts.of(key)), default=None) for key in keys_of(leaf))
        case Sequence():
            happened = [[one.minute for one in facts.of(key)] for key in keys_of(leaf)]
            return starts_of(leaf, happened, now_minute=minute_of(now))
        case _:
            return _standing(leaf, facts)


def _standing(leaf: InSegment | OnList | InBucket, facts: Facts) -> Any:
    match leaf:
        case OnList():
            return leaf.list in facts.lists
        case InBucket():
            return percentile(leaf.seed, facts.profile_id) if facts.profile_id else None
        case InSegment():
            raise TypeError("a rule is evaluated with the rules it refers to in their places")
        case _:
            assert_never(leaf)


def _inside(leaf: EventCount | EventSum | EventStat, facts: Facts, now: datetime) -> list[Counted]:
    since = leaf.within.since(minute_of(now)) if leaf.within else None
    return [one for one in facts.of(keys_of(leaf)[0]) if since is None or one.minute >= since]


def _amount(leaf: EventCount | EventSum | EventStat, counted: list[Counted]) -> Any:
    if isinstance(leaf, EventCount):
        return sum(one.n for one in counted)
    if isinstance(leaf, EventSum):
        return sum(one.micros for one in counted)
    if leaf.stat == "distinct":
        return len({one.micros for one in counted})
    if leaf.stat == "avg":
        return (sum(one.micros for one in counted), sum(one.n for one in counted)) if counted else None
    return (min if leaf.stat == "min" else max)((one.micros for one in counted), default=None)


def leaf_holds(leaf: Leaf, found: Any, *, now: datetime) -> bool:
    """Whether the condition holds, given what `actual` found."""
    match leaf:
        case TraitIs():
            return matches_at(leaf.op, leaf.value, found, now=now)[0]
        case EventCount() | EventSum() | EventStat():
            return found is not None and _amount_holds(leaf, found)
        case EventTime():
            return found is not None and _time_holds(leaf, found, now)
        case Absent():
            absent, after = found
            return after is not None and (absent is None or absent < after) and _past(leaf.lasting, after, now)
        case InBucket():
            return found is not None and leaf.start <= found < leaf.end
        case Sequence() | OnList() | InSegment():
            return bool(found)
        case _:
            assert_never(leaf)


def _amount_holds(leaf: EventCount | EventSum | EventStat, found: Any) -> bool:
    if isinstance(leaf, EventCount) or (isinstance(leaf, EventStat) and leaf.stat == "distinct"):
        return bool(compare(leaf.op, found, leaf.value))
    wanted = micros_of_amount(leaf.value)
    if isinstance(leaf, EventStat) and leaf.stat == "avg":
        total, count = found
        return bool(compare(leaf.op, total, wanted * count))
    return bool(compare(leaf.op, found, wanted))


def _time_holds(leaf: EventTime, minute: int, now: datetime) -> bool:
    if isinstance(leaf.value, Window):
        return _past(leaf.value, minute, now) == (leaf.op == "more_than_ago")
    return (minute < limit_minute(leaf.value)) == (leaf.op == "before")


def _past(window: Window, minute: int, now: datetime) -> bool:
    return minute_of(now) >= int(window.end_of(minute))


def limit_minute(wanted: str | Zoned) -> int:
    """The minute of a date in a rule about event times, which are known to the minute."""
    return (instant(*unzoned(wanted)) or 0) // MINUTE_US
