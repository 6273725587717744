"""What a condition says of one JSON value: the same in Python here and in SQL (`sqlvalues.py`), to the last bit.

Numbers are IEEE doubles; a text that is a plain decimal (`"12.50"`) counts as its number, because half of all senders
quote them. Instants are ISO 8601 texts; those that name no zone are in UTC, or in the zone of the condition. Text is
compared exactly, upper and lower case included: two languages do not agree on what lower case is. A value that is
absent or null matches nothing but `missing`.
"""

import hashlib
import json
import math
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

import orjson

from segments.windows import Window, minute_of

Scalar: TypeAlias = str | float | bool


@dataclass(frozen=True, slots=True)
class Zoned:
    """A date, or a length of time, of a condition whose dates without a zone are those of the clocks in `zone`."""

    value: str | Window
    zone: str

    def __str__(self) -> str:
        return f"{self.value} ({self.zone})"


Wanted: TypeAlias = Scalar | tuple[Scalar, ...] | Window | Zoned | None

NUMBER_PATTERN = "[+-]?[0-9]{1,15}([.][0-9]{1,15})?"
DATE_PATTERN = "[12][0-9]{3}-[0-9]{2}-[0-9]{2}"
TIME_PATTERN = "[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,6})?)?"
ZONE_PATTERN = "(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])"
LARGEST_NUMBER = 1e300
SMALLEST_NUMBER = 1e-300
LARGEST_AMOUNT = 1e10  # nine thousand such amounts still fit the 64 bits of a sum in millionths

RELATIVE = ("within_last", "more_than_ago", "within_next")

_NUMBER = re.compile(NUMBER_PATTERN)
_INSTANT = re.compile(f"(?P<date>{DATE_PATTERN})(?P<time>{TIME_PATTERN})?(?P<zone>{ZONE_PATTERN})?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONE = timedelta(0)


def number(value: Any) -> float | None:
    """The value as a double, or None when it is not a number and not a plain decimal text."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
    elif not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    if not abs(found) < LARGEST_NUMBER:
        return None
    return found if abs(found) >= SMALLEST_NUMBER else 0.0


def micros_of_amount(amount: float | None) -> int:
    """An amount in millionths, rounded half away from zero in double arithmetic; out of range adds nothing."""
    if amount is None or not abs(amount) <= LARGEST_AMOUNT:
        return 0
    return math.trunc(amount * 1e6 + (-0.5 if amount < 0 else 0.5))


def is_amount(value: Any) -> bool:
    """Whether the value is a number that sums count; averages, least and greatest look at no other."""
    found = number(value)
    return found is not None and abs(found) <= LARGEST_AMOUNT


def value_hash(value: Any) -> int | None:
    """64 bits by which distinct texts, numbers and truth values are told apart: `"42"` is 42, as it is to `equals`.

    None for anything else. The first half of MD5, which PostgreSQL has too; it need not be secret.
    """
    found = number(value)
    if found is not None:
        text = "n" + struct.pack(">d", found + 0.0).hex()
    elif isinstance(value, bool):
        text = "b1" if value else "b0"
    elif isinstance(value, str):
        text = "s" + value
    else:
        return None
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def percentile(seed: str, profile_id: int) -> int:
    """A number from 0 to 99 that a profile has for ever under this seed, and which looks like chance."""
    digest = hashlib.md5(f"{seed}:{profile_id}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:4], "big") * 100 >> 32


def read_json(text: str | bytes) -> Any:
    """The value of a JSON text, also where a number is too large for a double (then it is infinite)."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text, parse_int=float)


@lru_cache(maxsize=4096)
def _instant_of_text(text: str, zone: str) -> int | None:
    match = _INSTANT.fullmatch(text)
    if match is None or (match["zone"] and not match["time"]):
        return None
    try:
        moment = datetime.fromisoformat(match["date"] + (match["time"] or "T00:00") + (match["zone"] or "Z"))
    except ValueError:
        return None
    delta = moment - _EPOCH
    if zone and not match["zone"]:
        delta -= _offset(moment, zone)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def _offset(clock: datetime, zone: str) -> timedelta:
    """How far that clock is ahead of UTC. Where clocks are put forward or back, a time that is skipped or comes twice
    is read as PostgreSQL reads it: with the smaller offset, that of standard time."""
    local = clock.replace(tzinfo=ZoneInfo(zone))
    return min(local.utcoffset() or _NONE, local.replace(fold=1).utcoffset() or _NONE)


@cache
def zones() -> frozenset[str]:
    """The names of zones that a condition may use: those of places, and UTC."""
    return frozenset(one for one in available_timezones() if "/" in one or one == "UTC")


def instant(value: Any, zone: str = "") -> int | None:
    """An ISO 8601 text as microseconds since 1970, or None. One that names no zone is in `zone`, or in UTC."""
    return _instant_of_text(value, zone) if isinstance(value, str) else None


def unzoned(wanted: Any) -> tuple[Any, str]:
    """What a condition asks for, and the zone of its dates ("" is UTC)."""
    return (wanted.value, wanted.zone) if isinstance(wanted, Zoned) else (wanted, "")


def equals(value: Any, wanted: Scalar) -> bool:
    """Equal as the person who wrote the condition means it: `"42"` also equals the number 42, `"true"` also true."""
    if isinstance(wanted, bool):
        return value is wanted
    if isinstance(wanted, str):
        if isinstance(value, str):
            return value == wanted
        if isinstance(value, bool):
            return wanted == ("true" if value else "false")
        return isinstance(value, int | float) and (sought := number(wanted)) is not None and number(value) == sought
    return number(value) == wanted


def _contains(value: Any, wanted: Scalar) -> bool:
    if isinstance(value, list):
        return any(equals(element, wanted) for element in value)
    return isinstance(value, str) and isinstance(wanted, str) and wanted in value


def compare(op: str, left: Any, right: Any) -> Any:
    """The six comparisons of numbers. Works element by element on numpy arrays."""
    if op in ("gte", "lt"):
        found = left >= right
        return found if op == "gte" else _negated(found)
    if op in ("gt", "lte"):
        found = left > right
        return found if op == "gt" else _negated(found)
    found = left == right
    return found if op == "eq" else _negated(found)


def _negated(found: Any) -> Any:
    return (not found) if isinstance(found, bool) else ~found


def matches(op: str, wanted: Wanted, value: Any) -> bool:
    """Whether `value` meets one of the conditions that do not depend on the present time."""
    if value is None:
        return op == "missing"
    if op in ("exists", "missing"):
        return op == "exists"
    if op in ("is_amount", "is_value"):
        return is_amount(value) if op == "is_amount" else value_hash(value) is not None
    if op in ("eq", "ne"):
        return equals(value, wanted) == (op == "eq")  # type: ignore[arg-type]
    if op == "in":
        return any(equals(value, one) for one in wanted)  # type: ignore[union-attr]
    return _matches_text_or_order(op, wanted, value)


def _matches_text_or_order(op: str, wanted: Any, value: Any) -> bool:
    if op == "contains":
        return _contains(value, wanted)
    if op == "starts_with":
        return isinstance(value, str) and value.startswith(wanted)
    if op in ("before", "after"):
        limit, zone = unzoned(wanted)
        found, limit = instant(value, zone), instant(limit, zone)
        return found is not None and limit is not None and (found < limit) == (op == "before")
    found_number = number(value)
    return found_number is not None and compare(op, found_number, wanted)


def matches_at(op: str, wanted: Wanted, value: Any, *, now: datetime) -> tuple[bool, int | None]:
    """Whether `value` meets any condition now, and the first minute at which time alone changes that."""
    if op not in RELATIVE:
        return matches(op, wanted, value), None
    window, zone = unzoned(wanted)
    found = instant(value, zone)
    if found is None:
        return False, None
    return dated(op, window, found // 60_000_000, minute_of(now))


def dated(op: str, window: Window, minute: int, now_minute: int) -> tuple[bool, int | None]:
    """The relative conditions for a date of the person: a date to come is not within the last days, nor a past one
    within the next."""
    start = minute // 60 * 60 if window.hourly else minute
    if op == "within_next":
        inside, edges = (
            window.opens_for(minute) <= now_minute < start + window.step,
            (window.opens_for(minute), start + window.step),
        )
    else:
        end: int = window.end_of(minute)
        inside, edges = start <= now_minute < end, (start if op == "within_last" else end, end)
    upcoming = min((edge for edge in edges if edge > now_minute), default=None)
    return (now_minute >= edges[0] if op == "more_than_ago" else inside), upcoming
