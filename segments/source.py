"""A rule as text of the language of rules (`language.read` reads it)."""

import json

from segments.language import PLAIN, RESERVED, SIGN_OF
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
from segments.windows import Window


def write(node: Node) -> str:
    """The text of a rule, on one line."""
    match node:
        case All(()):
            return "everyone"
        case All((child,)):
            return f"all({write(child)})"
        case AnyOf((child,)):
            return f"any({write(child)})"
        case All(children):
            return " and ".join(map(_inner, children))
        case AnyOf(children):
            return " or ".join(map(_inner, children))
        case Not(child):
            return f"not {_inner(child)}"
        case _:
            return _leaf(node)


def _inner(node: Node) -> str:
    """Groups of several keep their brackets, so that what was grouped stays grouped."""
    several = isinstance(node, All | AnyOf) and len(node.children) > 1
    return f"({write(node)})" if several else write(node)


def _leaf(leaf: Leaf) -> str:
    match leaf:
        case TraitIs(trait, op, value):
            return f"{_name(trait)} {_comparison(op, value)}"
        case EventCount(event, op, value, within, where):
            return f"count({_event(event, where)}{_last(within)}) {_comparison(op, value)}"
        case EventSum(event, name, op, value, within, where):
            return f"sum({_name(name)} of {_event(event, where)}{_last(within)}) {_comparison(op, value)}"
        case EventStat(event, stat, name, op, value, within, where):
            return f"{stat}({_name(name)} of {_event(event, where)}{_last(within)}) {_comparison(op, value)}"
        case EventTime(event, which, op, value, where):
            return f"{which}({_event(event, where)}) {_comparison(op, value)}"
        case Absent(absent, after, lasting):
            return f"no {_text(absent)} for {lasting} since {_text(after)}"
        case _:
            return _other(leaf)


def _other(leaf: Sequence | InSegment | OnList | InBucket) -> str:
    match leaf:
        case Sequence(steps, within, span, without):
            between = f" without {' or '.join(map(_step, without))}" if without else ""
            longest = f" span {span}" if span else ""
            return f"sequence({' then '.join(map(_step, steps))}{between}{longest}{_last(within)})"
        case InSegment(slug):
            return f"segment {slug}"
        case OnList(slug):
            return f"list {slug}"
        case InBucket(seed, start, end):
            return f"random {_text(seed)} {start} to {end}"


def _step(step: Step) -> str:
    return _event(step.event, step.where)


def _event(name: str, where: Where) -> str:
    filters = f" where {' and '.join(map(_filter, where))}" if where else ""
    return f"{_text(name)}{filters}"


def _filter(one: PropertyIs) -> str:
    return f"{_name(one.property)} {_comparison(one.op, one.value)}"


def _comparison(op: str, value: Wanted) -> str:
    if isinstance(value, Zoned):
        return f"{_comparison(op, value.value)} in zone {_text(value.zone)}"
    if op in SIGN_OF:
        return f"{SIGN_OF[op]} {_value(value)}"
    words = {
        "exists": "is set", "missing": "is missing", "contains": "contains", "starts_with": "starts with",
        "within_last": "within last", "within_next": "within next",
    }  # fmt: skip
    if op == "more_than_ago":
        return f"more than {value} ago"
    if op == "in":
        return f"in ({', '.join(map(_value, value if isinstance(value, tuple) else ()))})"
    return f"{words.get(op, op)} {_value(value)}".rstrip()


def _value(value: Wanted) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _text(value)
    return str(value) if isinstance(value, Window) else json.dumps(value)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _name(name: str) -> str:
    return name if PLAIN.fullmatch(name) and name not in RESERVED else f"`{name.replace('`', '``')}`"


def _last(within: Window | None) -> str:
    return f" in last {within}" if within else ""
