"""The kinds that hold a value against other values of the same object. Pure.

What another value lacks is told by the rule that is about it: where one is missing, or is not of the kind that is
compared, nothing can be said of this one, and it holds (Great Expectations: "either value is missing").
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from quality.cleaning.conditions import filled
from quality.cleaning.contracts import BadRule
from quality.cleaning.kinds import Around, Kind, Lists, Reader, Setting
from quality.cleaning.reading import UNREADABLE

Settings = Mapping[str, Any]
_RELATIONS = (
    ("at_least", "is not less, not before"), ("more", "is more, after"), ("at_most", "is not more, not after"),
    ("less", "is less, before"), ("equal", "is the same"), ("unequal", "is another"),
)  # fmt: skip
# By whether the difference of the value and the other may be negative, none, or positive.
_ALLOWED = {
    "at_least": (False, True, True), "more": (False, False, True), "at_most": (True, True, False),
    "less": (True, False, False), "equal": (False, True, False), "unequal": (True, False, True),
}  # fmt: skip
_WORDS = {
    "number": ("is not less than", "is more than", "is not more than", "is less than", "equals", "does not equal"),
    "date": ("is not before", "is after", "is not after", "is before", "is the time of", "is not the time of"),
    "text": ("", "", "", "", "is the same as", "is not the same as"),
}  # fmt: skip
_MOST = 10


def _compare(settings: Settings, lists: Lists) -> Reader:
    of, relation, other, within = (settings[name] for name in ("of", "relation", "other", "within"))
    if within < 0:
        raise BadRule("What it may differ by is 0 or more.", "within")
    if within and of != "number":
        raise BadRule("Only numbers may differ by something.", "within")
    if of == "text" and relation not in ("equal", "unequal"):
        raise BadRule("Texts are the same, or they are not.", "relation")
    less, same, more = _ALLOWED[relation]
    order, slack = _ORDERS[of], _decimal(within) or Decimal(0)

    def read(value: Any, around: Around) -> Any:
        beside = around.sibling(other)
        if not filled(beside):
            return value
        found = order(value, beside, slack)
        if found is None:
            return value if order(beside, beside, slack) is None else UNREADABLE
        return value if (less, same, more)[found + 1] else UNREADABLE

    return read


def _numbers(a: Any, b: Any, slack: Decimal) -> int | None:
    """-1, 0 or 1 as a is less than b, the same but for the slack, or more; None when one is none."""
    first, second = _decimal(a), _decimal(b)
    if first is None or second is None:
        return None
    apart = first - second
    return 0 if abs(apart) <= slack else 1 if apart > 0 else -1


def _dates(a: Any, b: Any, slack: Decimal) -> int | None:
    """As of numbers; by the day when one has no time of day."""
    first, second = _moment(a), _moment(b)
    if first is None or second is None:
        return None
    if isinstance(first, datetime) and isinstance(second, datetime):
        return (first > second) - (first < second)
    one, other = (moment.date() if isinstance(moment, datetime) else moment for moment in (first, second))
    return (one > other) - (one < other)


def _texts(a: Any, b: Any, slack: Decimal) -> int | None:
    return None if not (isinstance(a, str) and isinstance(b, str)) else int(a.strip() != b.strip())


_ORDERS: Mapping[str, Callable[[Any, Any, Decimal], int | None]] = {
    "number": _numbers, "date": _dates, "text": _texts,
}  # fmt: skip


def _decimal(value: Any) -> Decimal | None:
    """A number exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, float) and not isfinite(value):
        return None
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _moment(value: Any) -> datetime | date | None:
    """A day or an instant of ISO 8601; without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        if len(value.strip()) <= len("2000-01-31"):
            return date.fromisoformat(value.strip())
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _arithmetic(settings: Settings, lists: Lists) -> Reader:
    operation, within, puts = settings["operation"], settings["within"], settings["differs"] == "put"
    pointers: Sequence[str] = settings["of"]
    if not 2 <= len(pointers) <= _MOST:
        raise BadRule(f"Name 2 to {_MOST} others.", "of")
    if within < 0:
        raise BadRule("What it may differ by is 0 or more.", "within")
    slack = _decimal(within) or Decimal(0)

    def read(value: Any, around: Around) -> Any:
        parts = [_decimal(around.sibling(pointer)) for pointer in pointers]
        result = _reckoned(operation, [part for part in parts if part is not None])
        if result is None or None in parts:
            return value
        own = _decimal(value)
        if own is not None and abs(own - result) <= slack:
            return value
        return _plain(result) if puts else UNREADABLE

    return read


def _reckoned(operation: str, parts: Sequence[Decimal]) -> Decimal | None:
    """The result; None when it is no number that a double can tell."""
    if not parts:
        return None
    result = parts[0]
    try:
        for part in parts[1:]:
            result = (
                result + part if operation == "sum" else result - part if operation == "difference" else result * part
            )
        return result if isfinite(float(result)) else None
    except (InvalidOperation, ArithmeticError):
        return None


def _plain(result: Decimal) -> int | float:
    found = float(result)
    return int(result) if found.is_integer() and abs(found) < 2**53 else found


def _together(settings: Settings, lists: Lists) -> Reader:
    pointers, wanted = settings["others"], settings["wanted"]
    if not 1 <= len(pointers) <= _MOST:
        raise BadRule(f"Name 1 to {_MOST} others.", "others")

    def read(value: Any, around: Around) -> Any:
        there = sum(filled(around.sibling(pointer)) for pointer in pointers)
        good = {"all": there == len(pointers), "any": there > 0, "none": there == 0}[wanted]
        return value if good or not filled(value) else UNREADABLE

    return read


_SIGNS = {"sum": " + ", "difference": " − ", "product": " × "}
_TOGETHER = {"all": "comes with", "any": "comes with one of", "none": "comes without"}


def _says_compare(settings: Settings) -> str:
    words = _WORDS[settings["of"]][[key for key, _ in _RELATIONS].index(settings["relation"])]
    return f"{words} {settings['other']}" + (f", but for {settings['within']}" if settings["within"] else "")


def _says_arithmetic(settings: Settings) -> str:
    told = f"equals {_SIGNS[settings['operation']].join(settings['of'])}, within {settings['within']}"
    return told + (", and is put right where it does not" if settings["differs"] == "put" else "")


ACROSS = (
    Kind("compare", "Compared with another", (
        Setting("of", "They are", "choice", "number",
                (("number", "numbers"), ("date", "dates and times"), ("text", "texts"))),
        Setting("relation", "The value", "choice", choices=_RELATIONS, required=True),
        Setting("other", "The other", "pointer", required=True, hint="A pointer such as /start_date."),
        Setting("within", "May differ by", "number", 0, hint="Numbers only.")),
        _compare, _says_compare, checks=True, across=True, alone=lambda settings: False),
    Kind("arithmetic", "Reckoned of others", (
        Setting("operation", "The value is", "choice", required=True, choices=(
            ("sum", "the sum of"), ("difference", "the first less the others"), ("product", "the product of"))),
        Setting("of", "The others", "pointers", required=True, hint="Such as /quantity and /price; one a line."),
        Setting("within", "May differ by", "number", 0.01),
        Setting("differs", "Where it differs", "choice", "rule", (
            ("rule", "what is said below becomes of it"), ("put", "the result is put in its place")))),
        _arithmetic, _says_arithmetic, checks=True, across=True, alone=lambda settings: False),
    Kind("together", "Together with others", (
        Setting("others", "The others", "pointers", required=True, hint="Pointers such as /coupon; one a line."),
        Setting("wanted", "Wherever the value is, there are", "choice", "all", (
            ("all", "all of them"), ("any", "at least one of them"), ("none", "none of them")))),
        _together, lambda s: f"{_TOGETHER[s['wanted']]} {', '.join(s['others'])}", checks=True, across=True,
        alone=lambda settings: False),
)  # fmt: skip
