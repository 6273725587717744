"""The kinds that check values and change nothing. Pure.

Most are a piece of JSON Schema, held against the value by the same library as the tracking plan: its regular
expressions take linear time.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import jsonschema_rs

from quality.cleaning.conditions import filled
from quality.cleaning.contracts import BadRule
from quality.cleaning.kinds import Around, Kind, Lists, Reader, Setting
from quality.cleaning.reading import UNREADABLE, read_date

Settings = Mapping[str, Any]
# Between values that stand in a list as one.
_BETWEEN = "|"
_TYPES = ("string", "number", "integer", "boolean", "object", "array")
_FORMATS = ("email", "uri", "uuid", "date", "date-time", "ipv4", "ipv6", "hostname")


def _holds(schema: dict[str, Any], field: str) -> Reader:
    try:
        validator = jsonschema_rs.Draft202012Validator(
            schema, pattern_options=jsonschema_rs.RegexOptions(), validate_formats=True
        )
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise BadRule(str(error).splitlines()[0], field) from error
    return lambda value, around: value if validator.is_valid(value) else UNREADABLE


def _range(settings: Settings, lists: Lists) -> Reader:
    least, most = settings["least"], settings["most"]
    if not least and not most:
        raise BadRule("Give the least, the greatest, or both.", "least")
    if settings["of"] == "number":
        low, high = _bound(least, float, "least"), _bound(most, float, "most")
        if low is not None and high is not None and low > high:
            raise BadRule("The least is greater than the greatest.", "least")
        return _holds({"type": "number", **({} if low is None else {"minimum": low}),
                       **({} if high is None else {"maximum": high})}, "least")  # fmt: skip
    if settings["of"] == "age":
        return _age(_bound(least, int, "least"), _bound(most, int, "most"))
    first, last = _bound(least, date.fromisoformat, "least"), _bound(most, date.fromisoformat, "most")

    def read(value: Any, around: Around) -> Any:
        day = _day(value)
        good = day is not None and (first is None or first <= day) and (last is None or day <= last)
        return value if good else UNREADABLE

    return read


def _says_range(least: str, most: str) -> str:
    if least and most:
        return f"lies between {least} and {most}"
    return f"is {least} or more" if least else f"is {most} or less"


def _age(low: int | None, high: int | None) -> Reader:
    def read(value: Any, around: Around) -> Any:
        born = _day(value)
        if born is None:
            return UNREADABLE
        years = around.day.year - born.year - ((around.day.month, around.day.day) < (born.month, born.day))
        return value if (low is None or low <= years) and (high is None or years <= high) else UNREADABLE

    return read


def _day(value: Any) -> date | None:
    """The day of an ISO date or instant; others are the business of a rule that reads dates."""
    found = read_date(value, order="YMD", form="date") if isinstance(value, str) else UNREADABLE
    return date.fromisoformat(found) if isinstance(found, str) else None


def _bound(text: str, read: Any, field: str) -> Any:
    if not text:
        return None
    try:
        return read(text)
    except ValueError as error:
        raise BadRule(f"{text!r} cannot be a bound here.", field) from error


def _type(settings: Settings, lists: Lists) -> Reader:
    wrong = [one for one in settings["types"] if one not in _TYPES]
    if wrong:
        raise BadRule(f"There is no type {wrong[0]!r}; choose of {', '.join(_TYPES)}.", "types")
    return _holds({"type": list(settings["types"])}, "types")


def _reference(settings: Settings, lists: Lists) -> Reader:
    allowed = lists.get(settings["list"])
    if allowed is None:
        raise BadRule(f"There is no list {settings['list']!r}.", "list")
    others = settings["others"]
    if not others:
        return lambda value, around: value if _as_text(value) in allowed else UNREADABLE

    def read(value: Any, around: Around) -> Any:
        beside = [around.sibling(pointer) for pointer in others]
        if not all(map(filled, beside)):
            return value
        texts = [_as_text(one) for one in (value, *beside)]
        return value if None not in texts and _BETWEEN.join(map(str, texts)) in allowed else UNREADABLE

    return read


def _as_text(value: Any) -> str | None:
    return value if isinstance(value, str) else str(value) if type(value) is int else None


CHECKS = (
    Kind("range", "Range", (
        Setting("of", "Of", "choice", "number",
                (("number", "numbers"), ("date", "dates"), ("age", "years since a date of birth"))),
        Setting("least", "Least", hint="A number, or a date such as 2000-01-31."), Setting("most", "Greatest")), _range,
        lambda s: _says_range(s["least"], s["most"]) + (" years before the event" if s["of"] == "age" else ""),
        checks=True, alone=lambda settings: settings["of"] != "age"),
    Kind("type", "Type", (Setting("types", "Types", "words", required=True, hint=f"Of {', '.join(_TYPES)}."),),
         _type, lambda s: f"is of type {' or '.join(s['types'])}", checks=True),
    Kind("format", "Format", (Setting("format", "Format", "choice", required=True,
                                      choices=tuple((one, one) for one in _FORMATS)),),
         lambda s, lists: _holds({"type": "string", "format": s["format"]}, "format"),
         lambda s: f"has the form of a {s['format']}", checks=True),
    Kind("pattern", "Pattern", (Setting("pattern", "Regular expression", required=True, hint="The whole value: ^…$."),),
         lambda s, lists: _holds({"type": "string", "pattern": s["pattern"]}, "pattern"),
         lambda s: f"fits {s['pattern']}", checks=True),
    Kind("length", "Length", (Setting("least", "Fewest characters", "number", 0),
                              Setting("most", "Most characters", "number", 1000)),
         lambda s, lists: _holds({"type": "string", "minLength": s["least"], "maxLength": s["most"]}, "least"),
         lambda s: f"has {s['least']} to {s['most']} characters", checks=True),
    Kind("allowed", "Allowed values", (Setting("values", "Values", "words", required=True, hint="One a line."),),
         lambda s, lists: _holds({"enum": list(s["values"])}, "values"),
         lambda s: f"is one of {', '.join(s['values'][:5])}" + (" …" if len(s["values"]) > 5 else ""), checks=True),
    Kind("reference", "In a list", (
        Setting("list", "List", required=True, hint="The short name of a list."),
        Setting("others", "Together with", "pointers", (),
                hint="Pointers of other values, one a line: the list has lines such as DE|Berlin.")),
         _reference, lambda s: " with ".join(("is", *s["others"])) + f" in the list {s['list']}", checks=True,
         alone=lambda settings: not settings["others"]),
)  # fmt: skip
