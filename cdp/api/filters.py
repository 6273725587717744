"""Filters of lists: django-filter's forms, over data that comes through an app's door instead of a queryset."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import django_filters
from django import forms

from cdp.api import parsing
from cdp.api.problems import Problem

_LIMIT_DEFAULT = 100
LIMIT_MAX = 1000

Test = Callable[[Any, Any], bool]

_TESTS: dict[str, Test] = {
    "exact": lambda present, wanted: present == wanted,
    "icontains": lambda present, wanted: str(wanted).casefold() in str(present or "").casefold(),
    "contains": lambda present, wanted: wanted in (present or ()),
    "gte": lambda present, wanted: present is not None and present >= wanted,
    "lt": lambda present, wanted: present is not None and present < wanted,
}


@dataclass(frozen=True)
class Criteria:
    """What was asked: (field, lookup, value). Stands where django-filter expects a queryset."""

    asked: tuple[tuple[str, str, Any], ...] = ()
    model: None = None

    def filter(self, **lookups: Any) -> "Criteria":
        more = tuple((*_field_and_lookup(name), value) for name, value in lookups.items())
        return Criteria(asked=self.asked + more)

    def all(self) -> "Criteria":
        return self

    def value(self, field: str, lookup: str = "exact", default: Any = None) -> Any:
        """The value asked of one field, for a selector that filters in SQL."""
        found = [value for name, how, value in self.asked if (name, how) == (field, lookup)]
        return found[0] if found else default

    def without(self, field: str) -> "Criteria":
        """The other criteria, when one was dealt with already."""
        return Criteria(asked=tuple(one for one in self.asked if one[0] != field))

    def keep(self, rows: Iterable[Any]) -> list[Any]:
        """The rows that fit, for lists that are small and read whole."""
        return [row for row in rows if all(_TESTS[how](getattr(row, name), value) for name, how, value in self.asked)]


def _field_and_lookup(name: str) -> tuple[str, str]:
    field, _, lookup = name.rpartition("__")
    return (field, lookup) if field else (name, "exact")


class InstantField(forms.CharField):
    """An RFC 3339 time with an offset."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parsing.instant(text)
        except parsing.NaiveInstant:
            raise forms.ValidationError("Give the offset: 2026-01-31T12:00:00Z.", code="naive-time") from None
        except ValueError:
            raise forms.ValidationError("Give an RFC 3339 time: 2026-01-31T12:00:00Z.", code="invalid-time") from None


class InstantFilter(django_filters.Filter):
    field_class = InstantField


class YesNoField(forms.CharField):
    """`true` or `false`, and nothing else."""

    def clean(self, value: Any) -> bool | None:
        text = super().clean(value)
        if not text:
            return None
        if text not in {"true", "false"}:
            raise forms.ValidationError("Say true or false.", code="not-boolean")
        return bool(text == "true")


class YesNoFilter(django_filters.Filter):
    field_class = YesNoField

    def filter(self, qs: Any, value: Any) -> Any:
        # django-filter takes False for "not asked" when it looks for it in its list of empty values by equality.
        return qs if value is None else qs.filter(**{str(self.field_name): value})


class IdField(forms.CharField):
    """An id in digits."""

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        number = parsing.row_id(text)
        if number is None:
            raise forms.ValidationError("An id is a number.", code="not-an-id")
        return number


class IdFilter(django_filters.Filter):
    field_class = IdField


class Filters(django_filters.FilterSet):
    """The filters of one list. `read` gives the criteria or a 422 that names each wrong parameter."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, one in cls.declared_filters.items():
            # Without a label django-filter looks for one at the model, and there is none.
            one.label = name.replace("_", " ")

    def filter_queryset(self, queryset: Any) -> Any:
        for name, value in self.form.cleaned_data.items():
            queryset = self.filters[name].filter(queryset, value)
        return queryset

    @classmethod
    def read(cls, data: Any) -> Criteria:
        found = cls(data=data, queryset=Criteria())
        if not found.is_valid():
            errors = [
                {"parameter": name, "code": error.code or "invalid", "message": " ".join(error.messages)}
                for name, listed in found.form.errors.as_data().items()
                for error in listed
            ]
            raise Problem("invalid-request", "Some parameters cannot be used; see `errors`.", errors=errors)
        criteria: Criteria = found.qs
        return criteria


def limit(data: Any) -> int:
    """How many rows a page may have."""
    text = data.get("limit", "")
    if not text:
        return _LIMIT_DEFAULT
    number = parsing.row_id(text)
    if number is None or number > LIMIT_MAX:
        message = f"A whole number from 1 to {LIMIT_MAX}."
        raise Problem(
            "invalid-request", message, errors=[{"parameter": "limit", "code": "out-of-range", "message": message}]
        )
    return number
