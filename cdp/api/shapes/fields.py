"""Fields and helpers that several shapes share."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api import parsing
from common import clock, masking

Shape = serializers.Serializer[Any]


@extend_schema_field({"type": "string", "pattern": "^[0-9]+$"})
class Id(serializers.CharField):
    """An id: a string of digits outwards (JavaScript loses the last digits of a bigint), a number inside."""

    default_error_messages = {"not_an_id": "An id is a number."}

    def to_internal_value(self, data: Any) -> Any:
        found = parsing.row_id(str(data)) if isinstance(data, str | int) and not isinstance(data, bool) else None
        if found is None:
            self.fail("not_an_id")
        return found

    def to_representation(self, value: Any) -> str:
        return str(value)


@extend_schema_field({"type": "string", "format": "date-time"})
class Instant(serializers.Field[Any, Any, Any, Any]):
    """An RFC 3339 time: `Z` and milliseconds outwards, any offset inwards, none is refused."""

    default_error_messages = {
        "naive_time": "Give the offset: 2026-01-31T12:00:00Z.",
        "invalid_time": "Give an RFC 3339 time: 2026-01-31T12:00:00Z.",
    }

    def to_internal_value(self, data: Any) -> datetime:
        try:
            return parsing.instant(data if isinstance(data, str) else "")
        except parsing.NaiveInstant:
            self.fail("naive_time")
        except ValueError:
            self.fail("invalid_time")
        raise AssertionError("fail raises")

    def to_representation(self, value: datetime) -> str | None:
        return clock.iso(value)


@extend_schema_field({})
class Anything(serializers.Field[Any, Any, Any, Any]):
    """Any JSON value, as it is."""

    def to_internal_value(self, data: Any) -> Any:
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class Reason(serializers.CharField):
    """Why a person or channel did it; kept with the decision and in the audit log."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=2000, **kwargs)


class Personal(Anything):
    """A JSON value or object in which personal data is masked, by the names of its fields, unless the token sees it."""

    def to_representation(self, value: Any) -> Any:
        plain = dict(value) if isinstance(value, Mapping) else value
        return plain if self.context.get("pii") else conceal(plain)


def conceal(data: Any, name: str = "") -> Any:
    """`data` with every value masked that its own or an enclosing field's name calls personal."""
    if isinstance(data, Mapping):
        return {key: conceal(inner, name if masking.is_personal(name) else str(key)) for key, inner in data.items()}
    if isinstance(data, list | tuple):
        return [conceal(inner, name) for inner in data]
    if data is None or isinstance(data, bool) or not masking.is_personal(name):
        return data
    return masking.mask(name, data)


class PageShape(serializers.Serializer[Any]):
    """A page of a list."""

    next_cursor = serializers.CharField(allow_null=True, help_text="Pass it as `cursor`; null on the last page.")


@lru_cache(maxsize=128)
def page_of(shape: type[Shape]) -> type[Shape]:
    """The shape of a page of `shape`, for the document."""
    plural = f"{shape.__name__.removesuffix('Shape')}Page"
    fields = {"data": shape(many=True), "__doc__": "A page of a list.", "__module__": shape.__module__}
    return type(plural, (PageShape,), fields)


__all__ = [
    "Anything",
    "Id",
    "Instant",
    "PageShape",
    "Personal",
    "Reason",
    "Shape",
    "conceal",
    "page_of",
]
