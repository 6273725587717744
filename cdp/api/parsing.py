"""Reading what comes in, strictly: JSON that PostgreSQL can hold, instants with an offset, ids that can exist."""

import json
from datetime import UTC, datetime
from typing import IO, Any

from django.utils.dateparse import parse_datetime
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_BODY_BYTES = 5 * 1024 * 1024
MAX_ID = 2**63 - 1


class StrictJSONParser(JSONParser):
    """JSON without NaN and infinities, NUL characters and lone surrogates: nothing that could not be stored."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        data = super().parse(stream, media_type, parser_context)
        try:
            text = json.dumps(data, ensure_ascii=False, allow_nan=False)
            text.encode()
        except ValueError:
            raise ParseError("The body has a number out of range or half of a surrogate pair.") from None
        if "\\u0000" in text:
            raise ParseError("The body has a NUL character.")
        return data


class NaiveInstant(ValueError):
    """A time without an offset: whose noon is `12:00`?"""


def instant(text: str) -> datetime:
    """An RFC 3339 time with an offset, in UTC. Raises NaiveInstant without one and ValueError for anything else."""
    # A `+` in a query arrives as a blank when the client forgot to encode it; an RFC 3339 time with an offset has
    # at most one blank, before the time.
    if len(text) > 40 or "T" not in text.upper():
        raise ValueError("not an RFC 3339 time")
    parsed = parse_datetime(text.upper().replace(" ", "+"))
    if parsed is None:
        raise ValueError("not an RFC 3339 time")
    if parsed.tzinfo is None:
        raise NaiveInstant("the time has no offset")
    try:
        return parsed.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None


def row_id(text: str) -> int | None:
    """An id in decimal digits that a bigint can hold, else None."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        return None
    number = int(text)
    return number if 0 < number <= MAX_ID else None
