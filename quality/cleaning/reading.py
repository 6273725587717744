"""Dates, numbers and booleans as people and systems write them. Pure.

Each reader answers what a text says for sure under the rule's own settings, or UNREADABLE. None guesses: the order of
day and month, and the decimal sign, are the rule's, never a row's.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale


class _Unreadable:
    """The one value that says: this cannot be read."""

    def __repr__(self) -> str:
        return "UNREADABLE"


UNREADABLE: Final = _Unreadable()
LONGEST = 200
ORDERS = ("DMY", "MDY", "YMD")

_TIME = (
    r"(?:(?:[T,]\s*|\s+)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?"
    r"\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?)?"
)
_NUMERIC = re.compile(rf"(\d{{1,4}})\s*([./-]|\s)\s*(\d{{1,2}})\s*\2\s*(\d{{1,4}}){_TIME}", re.ASCII | re.IGNORECASE)
_SOLID = re.compile(rf"(\d{{8}}){_TIME}", re.ASCII | re.IGNORECASE)
_TIMED = re.compile(rf"(.*?){_TIME}", re.IGNORECASE | re.DOTALL | re.ASCII)
_ORDINAL = re.compile(r"(\d{1,4})(?:st|nd|rd|th|er|º|ª|\.)?", re.ASCII | re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,/-]+")
_FILLERS = frozenset({"of", "the", "de", "del", "den", "der", "le", "di"})
_INT64 = 1 << 63

TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0"})


def fold(text: str) -> str:
    """Letters and digits alone, without case and accents: what two spellings of one word have in common."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(one for one in parts if not unicodedata.combining(one) and one.isalnum()).casefold()


def read_date(
    value: str, *, order: str, language: str = "en", century_turn: int = 68, zone: str = "UTC", form: str = "as written"
) -> Any:
    """An ISO 8601 date, or an instant with its offset when there is a time of day.

    `order` is that of the parts where all are digits; a year of four digits in front is always year, month, day. Years
    of two digits up to `century_turn` are 20xx, others 19xx (as POSIX's strptime does with 68). A time without an
    offset is of `zone`. `form`: "date" leaves the time of day out.
    """
    text = value.strip()
    if not text or len(text) > LONGEST:
        return UNREADABLE
    found = (_NUMERIC.fullmatch(text), _SOLID.fullmatch(text))
    if found[0]:
        parts = found[0].groups()
        day, clock = _ordered((parts[0], parts[2], parts[3]), order, century_turn), parts[4:]
    elif found[1]:
        parts = found[1].groups()
        day, clock = _solid(parts[0], order), parts[1:]
    else:
        timed = _TIMED.fullmatch(text)
        if timed is None:
            return UNREADABLE
        day, clock = _named(timed[1], order, language, century_turn), timed.groups()[1:]
    if day is None:
        return UNREADABLE
    return _written(day, clock, zone, form)


def _written(day: date, clock: tuple[str | None, ...], zone: str, form: str) -> Any:
    if clock[0] is None:
        return day.isoformat()
    moment = _at(day, clock, zone)
    if moment is None:
        return UNREADABLE
    return moment.date().isoformat() if form == "date" else moment.isoformat().replace("+00:00", "Z")


def read_epoch(value: float, *, unit: str, zone: str = "UTC", form: str = "as written") -> Any:
    """A number of seconds or milliseconds since 1970 as an instant."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(**{unit: value})
        here = moment.astimezone(ZoneInfo(zone))
    except (OverflowError, ValueError):
        return UNREADABLE
    return here.date().isoformat() if form == "date" else here.isoformat().replace("+00:00", "Z")


def _ordered(parts: tuple[str, str, str], order: str, turn: int) -> date | None:
    first, middle, last = parts
    if len(first) == 4:
        return _day(first, middle, last, turn)
    if len(first) > 2:
        return None
    if order == "YMD":
        return _day(first, middle, last, turn) if len(first) == 2 and len(last) <= 2 else None
    return _day(last, middle, first, turn) if order == "DMY" else _day(last, first, middle, turn)


def _solid(digits: str, order: str) -> date | None:
    if order == "YMD":
        return _day(digits[:4], digits[4:6], digits[6:], 0)
    a, b, year = digits[:2], digits[2:4], digits[4:]
    return _day(year, b, a, 0) if order == "DMY" else _day(year, a, b, 0)


def _day(year: str, month: str, day: str, turn: int) -> date | None:
    if len(year) not in (2, 4) or len(day) > 2:
        return None
    number = int(year)
    if len(year) == 2:
        number += 2000 if number <= turn else 1900
    try:
        return date(number, int(month), int(day))
    except ValueError:
        return None


def _named(text: str, order: str, language: str, turn: int) -> date | None:
    """`4 March 2024`, `Mon, Mar 4th 2024`, `04-MAR-24`, `4. März 2024`."""
    months, weekdays = _names(language)
    numbers: list[str] = []
    month, before = 0, 0
    for word in filter(None, _BETWEEN.split(text)):
        number = _ORDINAL.fullmatch(word)
        if number:
            numbers.append(number[1])
            continue
        key = word.casefold().strip(".")
        if key in months and not month:
            month, before = months[key], len(numbers)
        elif key not in _FILLERS and (key not in weekdays or numbers or month):
            return None
    if not month or len(numbers) != 2:
        return None
    first, second = numbers
    year_first = len(first) == 4 or (len(second) != 4 and order == "YMD" and before == 1)
    return _day(first, str(month), second, turn) if year_first else _day(second, str(month), first, turn)


@lru_cache(maxsize=16)
def _names(language: str) -> tuple[Mapping[str, int], Collection[str]]:
    """Months with their numbers and weekdays, in this language and in English, long and short."""
    months: dict[str, int] = {}
    weekdays: set[str] = set()
    for code in ("en", language):
        told = Locale.parse(code, sep="-")
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                months |= {str(name).casefold().strip("."): n for n, name in told.months[context][width].items()}
                weekdays |= {str(name).casefold().strip(".") for name in told.days[context][width].values()}
    return months, frozenset(weekdays)


def _at(day: date, clock: tuple[str | None, ...], zone: str) -> datetime | None:
    hour, minute, second, fraction, half, offset = clock
    number = int(hour or 0)
    if half:
        if not 1 <= number <= 12:
            return None
        number = number % 12 + (12 if half.lower().startswith("p") else 0)
    try:
        moment = datetime(
            day.year, day.month, day.day, number, int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")), tzinfo=_zone(offset, zone),
        )  # fmt: skip
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment


def _zone(offset: str | None, zone: str) -> tzinfo:
    if offset is None:
        return ZoneInfo(zone)
    if offset.upper() in ("Z", "UTC", "GMT"):
        return UTC
    digits = offset[1:].replace(":", "").ljust(4, "0")
    ahead = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(ahead if offset[0] == "+" else -ahead)


@lru_cache(maxsize=4)
def _number(decimal: str) -> re.Pattern[str]:
    grouping = "," if decimal == "." else r"\."
    # India's: 12,34,567.
    indian = r"|\d{1,2}(?:,\d{2})+,\d{3}" if decimal == "." else ""
    group = rf"(?P<group>[{grouping}'’ \u00a0\u2009\u202f])"
    return re.compile(
        rf"(?P<sign>[-+−]?)(?P<whole>\d{{1,3}}{group}\d{{3}}(?:(?P=group)\d{{3}})*{indian}|\d+)"
        rf"(?:{re.escape(decimal)}(?P<part>\d+))?(?:[eE](?P<power>[+-]?\d{{1,3}}))?", re.ASCII,
    )  # fmt: skip


def read_decimal(value: str, *, decimal: str) -> Any:
    """The number that a text writes with this decimal sign, exactly; thousands may be grouped."""
    text = value.strip()
    found = _number(decimal).fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return UNREADABLE
    whole = "".join(one for one in found["whole"] if one.isdigit())
    sign = "-" if found["sign"] in ("-", "−") else ""
    try:
        return Decimal(f"{sign}{whole}.{found['part'] or '0'}E{found['power'] or '0'}")
    except InvalidOperation:
        return UNREADABLE


def read_number(value: str, *, decimal: str) -> Any:
    """The same as a JSON number: whole ones stay whole. What a double cannot hold exactly as written is UNREADABLE."""
    found = read_decimal(value, decimal=decimal)
    return UNREADABLE if found is UNREADABLE else as_number(found)


def as_number(found: Decimal) -> Any:
    """A decimal as a JSON number, or UNREADABLE when digits would be lost."""
    if found == found.to_integral_value() and abs(found) < _INT64:
        return int(found)
    number = float(found)
    return number if number - number == 0 and Decimal(repr(number)) == found else UNREADABLE


def read_boolean(value: Any, *, true: Collection[str], false: Collection[str]) -> Any:
    """A boolean from a word, or from 1 and 0."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value == 1 if value in (0, 1) else UNREADABLE
    if not isinstance(value, str):
        return UNREADABLE
    word = value.strip().casefold()
    return True if word in true else False if word in false else UNREADABLE
