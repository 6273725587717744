"""Cells as numbers, dates and booleans, by what was decided for the whole column. Pure."""

import re
from datetime import UTC, datetime
from typing import Any

_NUMBER = {
    ".": re.compile(r"[+-]?(?:\d{1,3}(?:[,'\u00a0 ]\d{3})+|\d+)?(?:\.\d+)?(?:[eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?(?:\d{1,3}(?:[.'\u00a0 ]\d{3})+|\d+)?(?:,\d+)?"),
}
_PARTS = re.compile(r"(\d{1,4})[./\- ](\d{1,2})[./\- ](\d{1,4})(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?")
_TRUE = frozenset({"true", "t", "yes", "y", "1", "ja", "j", "oui", "si", "sí", "x", "on", "wahr", "vrai"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "nein", "non", "off", "falsch", "faux", "-"})


class CannotRead(ValueError):
    """The cell does not read as what its column is."""


def number(text: str, *, decimal: str) -> int | float:
    """Raises CannotRead. Currency signs and a trailing percent sign are passed over."""
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    plain = text.strip().strip("€$£¥%").strip().replace("\u2212", "-")
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    if not plain or not any(c.isdigit() for c in plain) or not _NUMBER[decimal].fullmatch(plain):
        raise CannotRead("not a number")
    plain = re.sub(r"['\u00a0 ]", "", plain)
    plain = plain.replace(",", "") if decimal == "." else plain.replace(".", "").replace(",", ".")
    found = float(plain)
    if found in (float("inf"), float("-inf")):
        raise CannotRead("too large a number")
    return int(found) if found.is_integer() and abs(found) < 2**53 and "e" not in plain.lower() else found


def moment(value: Any, text: str, *, order: str) -> str:
    """A date or an instant in ISO 8601: an instant when a time is told, in UTC when no zone is. Raises CannotRead."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    try:
        found = datetime.fromisoformat(text)
        return text[:10] if len(text) <= 10 else (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat()
    except ValueError:
        pass
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise CannotRead("not a date")
    year, month, day = (int(parts[order.index(letter) + 1]) for letter in "ymd")
    if year < 100:
        year += 2000 if year < 70 else 1900
    hour, minute, second = (int(one or 0) for one in parts.group(4, 5, 6))
    try:
        found = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise CannotRead(f"no such date as {order}") from error
    return found.isoformat() if parts[4] else found.date().isoformat()


def boolean(text: str) -> bool:
    """Raises CannotRead."""
    folded = text.casefold()
    if folded in _TRUE:
        return True
    if folded in _FALSE:
        return False
    raise CannotRead("neither yes nor no")
