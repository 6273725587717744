"""Numbers that JSON allows and PostgreSQL's `numeric`, and so `jsonb`, cannot hold. Pure."""

import re

import msgspec

from events.parse import Batch

_TEXT_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*', re.DOTALL)
# `numeric` holds 131,072 digits before the point and 16,383 after it; both limits below together stay within them.
_MAX_LENGTH = 6_000
_MAX_EXPONENT_DIGITS = 4


def with_numbers_as_text(batch: Batch) -> Batch:
    """The same events with each number that cannot be stored written as a text, so that nothing of it is lost."""
    told = batch.only(list(range(len(batch))))
    told.items = [
        msgspec.structs.replace(item, traits=_raw(item.traits), context=_raw(item.context)) for item in told.items
    ]
    told.properties = [storable(raw) for raw in told.properties]
    told.contexts = [storable(raw) for raw in told.contexts]
    return told


def storable(raw: bytes) -> bytes:
    """JSON whose every number fits."""
    return _TEXT_OR_NUMBER.sub(lambda found: found[0] if _fits(found[0]) else b'"' + found[0] + b'"', raw)


def _fits(token: bytes) -> bool:
    if token[:1] == b'"':
        return True
    exponent = token.lower().partition(b"e")[2].lstrip(b"+-").lstrip(b"0")
    return len(token) <= _MAX_LENGTH and len(exponent) <= _MAX_EXPONENT_DIGITS


def _raw(value: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(storable(bytes(value)))
