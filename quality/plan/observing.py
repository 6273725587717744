"""What an event's properties look like: paths, types, examples, and what of them is personal. Pure."""

import re
from collections.abc import Iterator
from typing import Any

from common.masking import is_personal, mask

MORE = "more"
DEPTH, MOST_PATHS, LONGEST_PATH, LONGEST_EXAMPLE = 3, 200, 200, 80

_EMAIL = re.compile(r"[\w.+%'-]{1,64}@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"\+?[\d][\d ()./-]{7,18}\d")
_IP = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}")
_CARD = re.compile(r"\d(?:[ -]?\d){12,18}")


def observe(properties: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(path, JSON type, value) of every property, objects' own included, three levels deep; lists are not entered.

    An object that holds more than is looked at has the type `MORE` besides.
    """
    found = 0
    waiting: list[tuple[str, dict[str, Any], int]] = [("", properties, 1)]
    while waiting:
        above, told, depth = waiting.pop()
        for key, value in told.items():
            path = f"{above}/{escaped(key)}"
            if depth > DEPTH or len(path) > LONGEST_PATH or found >= MOST_PATHS:
                yield above, MORE, None
                break
            found += 1
            yield path, json_type(value), value
            if isinstance(value, dict):
                waiting.append((path, value, depth + 1))


def json_type(value: Any) -> str:
    """As JSON Schema names them; a whole number is `integer`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def pii_class(path: str, value: Any) -> str:
    """`email`, `phone`, `card`, `ip`, `name` (by the property's name), or nothing."""
    if isinstance(value, str) and len(value) <= 254:
        text = value.strip()
        if _EMAIL.fullmatch(text):
            return "email"
        if _CARD.fullmatch(text) and luhn(text):
            return "card"
        if _IP.fullmatch(text):
            return "ip"
        if _PHONE.fullmatch(text) and (text.startswith("+") or "phone" in path.lower() or "tel" in path.lower()):
            return "phone"
    return "name" if is_personal(path.rpartition("/")[2]) else ""


def example(path: str, value: Any, pii: str) -> str:
    """A value to recognise the property by; masked when it is personal."""
    if isinstance(value, dict | list):
        return ""
    text = str(value)[:LONGEST_EXAMPLE].replace("\x00", "")
    return mask("email" if pii else path.rpartition("/")[2], text)


def escaped(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def luhn(text: str) -> bool:
    """Whether the check digit is right (ISO/IEC 7812-1)."""
    digits = [int(one) for one in text if one.isdigit()][::-1]
    return sum(digits[::2]) % 10 == -sum(sum(divmod(2 * one, 10)) for one in digits[1::2]) % 10
