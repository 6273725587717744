"""A rule in plain English, for people who did not build it."""

from typing import assert_never

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
    PropertyIs,
    Sequence,
    Step,
    TraitIs,
    Where,
)
from segments.values import Wanted, Zoned

_NUMBER = {
    "eq": "exactly",
    "ne": "not exactly",
    "lt": "less than",
    "lte": "at most",
    "gt": "more than",
    "gte": "at least",
}
_VALUE = {
    "eq": "is",
    "ne": "is set and is not",
    "lt": "is less than",
    "lte": "is at most",
    "gt": "is more than",
    "gte": "is at least",
    "in": "is one of",
    "contains": "contains",
    "starts_with": "starts with",
    "exists": "is set",
    "missing": "is not set",
    "before": "is before",
    "after": "is on or after",
    "within_last": "is within the last",
    "more_than_ago": "is longer ago than",
    "within_next": "is within the next",
}
_STAT = {
    "avg": "the average {} of",
    "min": "the least {} of",
    "max": "the greatest {} of",
    "distinct": "the number of different {} of",
}
_TIME = {
    "before": "before",
    "after": "on or after",
    "within_last": "within the last",
    "more_than_ago": "longer ago than",
}


def describe(node: Node) -> str:
    """One sentence without a full stop: `plan is "pro" and did Order Completed at least 3 times`."""
    match node:
        case All(children):
            return " and ".join(_bracketed(child, AnyOf) for child in children) if children else "everyone"
        case AnyOf(children):
            return " or ".join(_bracketed(child, All) for child in children)
        case Not(child):
            return f"not ({describe(child)})"
        case _:
            return describe_leaf(node)


def describe_leaf(leaf: Leaf) -> str:
    """One condition in words."""
    match leaf:
        case TraitIs(trait, op, value):
            return " ".join(part for part in (trait, _VALUE[op], _wanted(value)) if part)
        case EventCount(event, op, value, within, where):
            times = "time" if value == 1 else "times"
            return f"did {event}{_where(where)} {_NUMBER[op]} {value:,} {times}{_window(within)}"
        case EventSum(event, name, op, value, within, where):
            return f"{name} of {event}{_where(where)} adds up to {_NUMBER[op]} {value:,}{_window(within)}"
        case EventStat(event, stat, name, op, value, within, where):
            return f"{_STAT[stat].format(name)} {event}{_where(where)} is {_NUMBER[op]} {value:,}{_window(within)}"
        case EventTime(event, which, op, value, where):
            return f"did {event}{_where(where)} {which} {_TIME[op]} {value}"
        case Absent(absent, after, lasting):
            return f"no {absent} since {after}, for more than {lasting}"
        case Sequence():
            return _sequence(leaf)
        case _:
            return _standing(leaf)


def _standing(leaf: InSegment | OnList | InBucket) -> str:
    match leaf:
        case InSegment(slug):
            return f"is in the segment {slug}"
        case OnList(slug):
            return f"is on the list {slug}"
        case InBucket(seed, start, end):
            return f"is in the random {end - start} % from {start} to {end} of “{seed}”"
        case _:
            assert_never(leaf)


def _sequence(leaf: Sequence) -> str:
    steps = ", then ".join(_step(one) for one in leaf.steps)
    span = f" within {leaf.span}" if leaf.span else ""
    without = f" without {' or '.join(_step(one) for one in leaf.without)} in between" if leaf.without else ""
    return f"did {steps}{span}{without}{_window(leaf.within)}"


def _step(step: Step) -> str:
    return f"{step.event}{_where(step.where)}"


def needed_of(leaf: Leaf) -> str:
    """What a condition asks for, without its subject: beside the value that was found."""
    match leaf:
        case TraitIs(_, op, value):
            return " ".join(part for part in (_VALUE[op], _wanted(value)) if part)
        case (
            EventCount(_, op, value, within) | EventSum(_, _, op, value, within) | EventStat(_, _, _, op, value, within)
        ):
            return f"{_NUMBER[op]} {value:,}{_window(within)}"
        case EventTime(_, _, op, value):
            return f"{_TIME[op]} {value}"
        case Absent(absent, _, lasting):
            return f"no {absent} for more than {lasting}"
        case InBucket(_, start, end):
            return f"from {start} to below {end}"
        case _:
            return ""


def _bracketed(node: Node, risky: type[All] | type[AnyOf]) -> str:
    text = describe(node)
    return f"({text})" if isinstance(node, risky) and len(node.children) > 1 else text


def _wanted(value: Wanted) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(_wanted(one) for one in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Zoned):
        return f"{_wanted(value.value)} ({value.zone})"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _where(where: Where) -> str:
    return f" where {' and '.join(_filter(one) for one in where)}" if where else ""


def _filter(one: PropertyIs) -> str:
    return " ".join(part for part in (one.property, _VALUE[one.op], _wanted(one.value)) if part)


def _window(within: object) -> str:
    return f" in the last {within}" if within else ""
