"""Reading a rule from JSON. Every mistake is told with a JSON pointer to its place and what to do about it."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from segments.rules import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    NUMBER_OPS,
    PROPERTY_OPS,
    STATS,
    TIME_OPS,
    TRAIT_OPS,
    Absent,
    All,
    AnyOf,
    EventCount,
    EventStat,
    EventSum,
    EventTime,
    InBucket,
    InSegment,
    Node,
    Not,
    OnList,
    PropertyIs,
    Sequence,
    Step,
    TraitIs,
    Where,
    leaves,
)
from segments.values import LARGEST_NUMBER, Scalar, Wanted, Zoned, instant, number, zones
from segments.windows import HOURLY_FROM, LONGEST, Window

SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
MAX_NAME = 200
MAX_TEXT = 1000
MAX_CHOICES = 500
_UNITS = {"minutes": 1, "hours": 60, "days": 1440}
_WHAT_OF = ("count", "sum", *STATS, "first", "last")
_KINDS = f"all, any, not, trait, event (with {', '.join(_WHAT_OF)}), absent, sequence, segment, list or random"
MAX_STEPS = 5
MAX_LOOK_BACK = 90 * 1440


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a rule: where (a JSON pointer) and what to do."""

    pointer: str
    message: str


class RuleError(ValueError):
    """The rule cannot be used. `problems` names every place."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{one.pointer or '/'}: {one.message}" for one in problems))


def parse_rule(data: Any) -> Node:
    """The typed tree of a rule given as JSON data, or `RuleError`."""
    node = _node(data, "", 1)
    if sum(1 for _ in leaves(node)) > MAX_CONDITIONS:
        raise _wrong("", f"A rule has at most {MAX_CONDITIONS} conditions. Split it into two segments.")
    return node


def _wrong(pointer: str, message: str) -> RuleError:
    return RuleError(Problem(pointer, message))


def _node(data: Any, at: str, depth: int) -> Node:
    if depth > MAX_DEPTH:
        raise _wrong(at, f"Groups nest at most {MAX_DEPTH} deep. Flatten this group.")
    if not isinstance(data, Mapping):
        raise _wrong(at, f"Give an object with one of: {_KINDS}.")
    found = [kind for kind in _READERS if kind in data]
    if len(found) != 1:
        raise _wrong(at, f"Give exactly one of: {_KINDS}.")
    return _READERS[found[0]](data, at, depth)


def _children(data: Mapping[str, Any], kind: str, at: str, depth: int) -> tuple[Node, ...]:
    _only(data, (kind,), at)
    items = data[kind]
    if not isinstance(items, list):
        raise _wrong(f"{at}/{kind}", "Give a list of conditions.")
    if len(items) > MAX_CONDITIONS:
        raise _wrong(f"{at}/{kind}", f"A rule has at most {MAX_CONDITIONS} conditions.")
    children: list[Node] = []
    problems: list[Problem] = []
    for index, item in enumerate(items):
        try:
            children.append(_node(item, f"{at}/{kind}/{index}", depth + 1))
        except RuleError as error:
            problems.extend(error.problems)
    if problems:
        raise RuleError(*problems)
    return tuple(children)


def _all(data: Mapping[str, Any], at: str, depth: int) -> Node:
    return All(_children(data, "all", at, depth))


def _any(data: Mapping[str, Any], at: str, depth: int) -> Node:
    children = _children(data, "any", at, depth)
    if not children:
        raise _wrong(f"{at}/any", "Add at least one condition: nobody meets an empty choice.")
    return AnyOf(children)


def _not(data: Mapping[str, Any], at: str, depth: int) -> Node:
    _only(data, ("not",), at)
    return Not(_node(data["not"], f"{at}/not", depth + 1))


def _trait(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    _only(data, ("trait", "is", "value", "zone"), at)
    op = _op(data, TRAIT_OPS, at)
    return TraitIs(_name(data, "trait", at), op, _wanted(data, op, at))


def _event(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    event = _name(data, "event", at)
    found = [kind for kind in _WHAT_OF if kind in data]
    if len(found) != 1:
        raise _wrong(at, f"Say what of the event: exactly one of {', '.join(_WHAT_OF)}.")
    kind = found[0]
    _only(data, ("event", kind, "where", *(() if kind in ("first", "last") else ("within",))), at)
    detail, inside = data[kind], f"{at}/{kind}"
    if not isinstance(detail, Mapping):
        raise _wrong(inside, 'Give an object such as {"is": "gte", "value": 1}.')
    where = parse_where(data, at)
    if kind in ("first", "last"):
        _only(detail, ("is", "value", "zone"), inside)
        op = _op(detail, TIME_OPS, inside)
        if op not in ("before", "after"):
            _only(detail, ("is", "value"), inside)
        return EventTime(event, kind, op, _wanted(detail, op, inside), where)  # type: ignore[arg-type]
    return _amount(kind, event, detail, inside, _within(data, at), where)


def _amount(
    kind: str, event: str, detail: Mapping[str, Any], inside: str, within: Window | None, where: Where
) -> EventCount | EventSum | EventStat:
    op = _op(detail, NUMBER_OPS, inside)
    if kind == "count":
        _only(detail, ("is", "value"), inside)
        return EventCount(event, op, _whole(detail.get("value"), f"{inside}/value"), within, where)
    _only(detail, ("property", "is", "value"), inside)
    name = _name(detail, "property", inside)
    if kind == "distinct":
        return EventStat(event, "distinct", name, op, _whole(detail.get("value"), f"{inside}/value"), within, where)
    value = _number(detail, inside)
    if kind == "sum":
        return EventSum(event, name, op, value, within, where)
    return EventStat(event, kind, name, op, value, within, where)  # type: ignore[arg-type]


def _within(data: Mapping[str, Any], at: str) -> Window | None:
    return None if data.get("within") is None else _window(data["within"], f"{at}/within")


def _absent(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    _only(data, ("absent", "after", "for"), at)
    return Absent(_name(data, "absent", at), _name(data, "after", at), _window(data.get("for"), f"{at}/for"))


def _sequence(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    _only(data, ("sequence", "within", "span", "without"), at)
    steps = _steps(data["sequence"], f"{at}/sequence", least=2)
    without = _steps(data["without"], f"{at}/without", least=1) if data.get("without") is not None else ()
    for index, one in enumerate(without):
        if any(one.event == step.event for step in steps):
            raise _wrong(f"{at}/without/{index}", "Name another event: each step would rule itself out.")
    within = _window(data.get("within"), f"{at}/within")
    if within.minutes > MAX_LOOK_BACK:
        raise _wrong(f"{at}/within", "A sequence looks back at most 90 days: every event of it is kept for as long.")
    span = None if data.get("span") is None else _window(data["span"], f"{at}/span")
    return Sequence(steps, within, span, without)


def _steps(items: Any, at: str, *, least: int) -> tuple[Step, ...]:
    if not isinstance(items, list) or not least <= len(items) <= MAX_STEPS:
        raise _wrong(at, f'Give a list of {least} to {MAX_STEPS} events such as {{"event": "Product Viewed"}}.')
    steps = []
    for index, item in enumerate(items):
        place = f"{at}/{index}"
        if not isinstance(item, Mapping):
            raise _wrong(place, 'Give an object such as {"event": "Product Viewed"}.')
        _only(item, ("event", "where"), place)
        steps.append(Step(_name(item, "event", place), parse_where(item, place)))
    return tuple(steps)


def _segment(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    _only(data, ("segment",), at)
    return InSegment(_slug(data, "segment", at))


def _list(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    _only(data, ("list",), at)
    return OnList(_slug(data, "list", at))


def _slug(data: Mapping[str, Any], key: str, at: str) -> str:
    found = _text(data.get(key), f"{at}/{key}", 80)
    if not SLUG.fullmatch(found):
        raise _wrong(f"{at}/{key}", "Give its slug: small letters, digits and single hyphens.")
    return found


def _random(data: Mapping[str, Any], at: str, _depth: int) -> Node:
    _only(data, ("random", "from", "to"), at)
    seed = _name(data, "random", at)
    start, end = (_whole(data.get(key), f"{at}/{key}") for key in ("from", "to"))
    if not start < end <= 100:
        raise _wrong(f"{at}/to", "Give whole percentiles from 0 to 100, the first below the second.")
    return InBucket(seed, start, end)


_READERS: dict[str, Callable[[Mapping[str, Any], str, int], Node]] = {
    "all": _all,
    "any": _any,
    "not": _not,
    "trait": _trait,
    "event": _event,
    "absent": _absent,
    "sequence": _sequence,
    "segment": _segment,
    "list": _list,
    "random": _random,
}


def parse_where(data: Mapping[str, Any], at: str = "", *, ops: tuple[str, ...] = PROPERTY_OPS) -> Where:
    """The filters of an event condition, or with other `ops` those that a counter is stored with."""
    items = data.get("where") or []
    if not isinstance(items, list) or len(items) > 10:
        raise _wrong(f"{at}/where", "Give a list of at most ten filters.")
    filters = []
    for index, item in enumerate(items):
        place = f"{at}/where/{index}"
        if not isinstance(item, Mapping):
            raise _wrong(place, 'Give an object such as {"property": "category", "is": "eq", "value": "shoes"}.')
        _only(item, ("property", "is", "value", "zone"), place)
        op = _op(item, ops, place)
        filters.append(PropertyIs(_name(item, "property", place), op, _wanted(item, op, place)))
    return tuple(filters)


def _only(data: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
    for key in data:
        if key not in known:
            raise _wrong(f"{at}/{_escaped(key)}", f"Remove this; here only {', '.join(known)} are known.")


def _escaped(key: object) -> str:
    return str(key)[:80].replace("~", "~0").replace("/", "~1")


def _op(data: Mapping[str, Any], known: tuple[str, ...], at: str) -> str:
    op = data.get("is")
    if not isinstance(op, str) or op not in known:
        raise _wrong(f"{at}/is", f"Choose one of: {', '.join(known)}.")
    return op


def _text(value: Any, pointer: str, longest: int = MAX_TEXT) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise _wrong(pointer, f"Give a text of 1 to {longest} characters.")
    if "\x00" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise _wrong(pointer, "Remove the characters that no database can store (NUL, lone surrogates).")
    return value


def _name(data: Mapping[str, Any], key: str, at: str) -> str:
    return _text(data.get(key), f"{at}/{key}", MAX_NAME)


def _wanted(data: Mapping[str, Any], op: str, at: str) -> Wanted:
    value = _WANTED.get(op, _scalar)(data.get("value"), f"{at}/value")
    zone = data.get("zone")
    if zone is None:
        return value
    if not isinstance(value, Window) and op not in ("before", "after"):
        raise _wrong(f"{at}/zone", "Remove the zone: only conditions about dates have one.")
    if zone not in zones():
        raise _wrong(f"{at}/zone", "Name a time zone by its place, such as Europe/Berlin, or UTC.")
    return Zoned(value, zone)  # type: ignore[arg-type]


def _nothing(value: Any, pointer: str) -> None:
    if value is not None:
        raise _wrong(pointer, "Remove the value: this comparison needs none.")


def _date(value: Any, pointer: str) -> str:
    if instant(value) is None:
        raise _wrong(pointer, "Give a date or time such as 2026-01-31 or 2026-01-31T09:00:00Z.")
    return str(value)


def _choices(value: Any, pointer: str) -> tuple[Scalar, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_CHOICES:
        raise _wrong(pointer, f"Give a list of 1 to {MAX_CHOICES} values.")
    return tuple(_scalar(one, f"{pointer}/{index}") for index, one in enumerate(value))


def _scalar(value: Any, pointer: str) -> Scalar:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return _finite(value, pointer)
    return _text(value, pointer, MAX_TEXT)


def _finite(value: Any, pointer: str) -> float:
    found = number(value)
    if found is None or not math.isfinite(found) or abs(found) >= LARGEST_NUMBER:
        raise _wrong(pointer, "Give a number.")
    return int(found) if found == int(found) and abs(found) < 2**53 else found


def _number(data: Mapping[str, Any], at: str) -> float:
    return _finite(data.get("value"), f"{at}/value")


def _whole(value: Any, pointer: str) -> int:
    found = number(value)
    if found is None or found != int(found) or not 0 <= found <= 1_000_000_000:
        raise _wrong(pointer, "Give a whole number from 0 on.")
    return int(found)


def _window(data: Any, at: str) -> Window:
    if not isinstance(data, Mapping) or len(data) != 1 or next(iter(data)) not in _UNITS:
        raise _wrong(at, 'Give a length of time with one unit, such as {"days": 30}, {"hours": 1} or {"minutes": 30}.')
    ((unit, amount),) = data.items()
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise _wrong(f"{at}/{unit}", "Give a whole number from 1 on.")
    minutes = amount * _UNITS[unit]
    if minutes > LONGEST:
        raise _wrong(f"{at}/{unit}", "Ten years is the longest window.")
    if minutes >= HOURLY_FROM and minutes % 60:
        raise _wrong(f"{at}/{unit}", "From two days on, windows are whole hours.")
    return Window(minutes)


_WANTED: dict[str, Callable[[Any, str], Wanted]] = {
    "exists": _nothing,
    "missing": _nothing,
    "is_amount": _nothing,
    "is_value": _nothing,
    "before": _date,
    "after": _date,
    "within_last": _window,
    "more_than_ago": _window,
    "within_next": _window,
    "starts_with": _text,
    "in": _choices,
    **dict.fromkeys(("lt", "lte", "gt", "gte"), _finite),
}
