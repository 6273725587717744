"""The OpenAPI 3.1 document, from the code."""

from functools import lru_cache
from typing import Any

from django import forms
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.settings import patched_settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from cdp.api import problems

SETTINGS: dict[str, Any] = {
    "TITLE": "Customer data platform",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": (
        "Profiles, identities, segments and the channels that use them. "
        "Lists are paged by `cursor`; errors are `application/problem+json` (RFC 9457); "
        "times are RFC 3339 in UTC; ids are strings of digits. "
        "Events come in through the tracking API (`/v1/track` and the like), not here."
    ),
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVERS": [],
    "PREPROCESSING_HOOKS": ["cdp.api.openapi.only_version_one"],
}

_CURSOR = OpenApiParameter(
    "cursor", str, description="`next_cursor` of the page before; keep the filters as they were."
)
_LIMIT = OpenApiParameter("limit", {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100})
_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="Repeat a request with its key, and it is done once: for 24 hours the first answer comes back.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, required=True, description="The `ETag` of the state that you change."
)

OWN_PARAMETERS: dict[str, OpenApiParameter] = {
    "kind": OpenApiParameter("kind", str, required=True, description="Kind of identifier, such as `email`."),
    "value": OpenApiParameter("value", str, required=True, description="The identifier; it is standardised first."),
    "a": OpenApiParameter("a", str, required=True, description="Profile id, or `kind:value`."),
    "b": OpenApiParameter("b", str, required=True, description="Profile id, or `kind:value`."),
    "version": OpenApiParameter("version", int, description="Show the members as they were after this change (`seq`)."),
    "after": OpenApiParameter("after", int, description="Start after this version; instead of `cursor`."),
    "limit": _LIMIT,
    "cursor": _CURSOR,
    "wait": OpenApiParameter(
        "wait",
        {"type": "integer", "minimum": 0, "maximum": 25, "default": 0},
        description="When there is nothing new, keep the request open up to this many seconds.",
    ),
    "include": OpenApiParameter(
        "include", str, enum=["total"], description="`total` adds the number of all rows to the answer."
    ),
    "search": OpenApiParameter("search", str, description="Text in identifiers."),
    "as_of": OpenApiParameter("as_of", OpenApiTypes.DATETIME, description="The instant looked at; now by default."),
    "period": OpenApiParameter("period", str, enum=["month", "week"], description="`month` by default."),
    "from": OpenApiParameter("from", OpenApiTypes.DATE, description="The first day, by the clocks of the workspace."),
    "to": OpenApiParameter("to", OpenApiTypes.DATE, description="The last day; yesterday by default."),
    "days": OpenApiParameter("days", int, description="How many days up to the last, when no first is given; 28."),
    "compare": OpenApiParameter("compare", str, enum=["before", "year", "none"], description="`before` by default."),
    "by": OpenApiParameter("by", str, enum=["segment", "channel", "source"], description="Break down by this."),
    "baseline": OpenApiParameter("baseline", str, description="The name of a baseline to hold against."),
    "names": OpenApiParameter("names", str, description="Names with commas between; all by default."),
    "q": OpenApiParameter("q", str, description="A part of the name or of the id."),
    "category": OpenApiParameter("category", str, description="Exactly this category."),
    "profile": OpenApiParameter("profile", str, description="Profile id, or `kind:value`; nobody when left out."),
    "items": OpenApiParameter("items", str, description="Ids of items that are looked at now, with commas between."),
    "count": OpenApiParameter(
        "count", {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}, description="At most so many."
    ),
    "segment": OpenApiParameter(
        "segment", str, description="Slug of the segment whose popular items come first to somebody who is not known."
    ),
}

_ALWAYS = ("unauthenticated", "missing-scope", "not-found", "invalid-request", "rate-limited", "malformed-request")
_WITH_BODY = ("unsupported-media-type", "payload-too-large")
_WITH_MATCH = ("precondition-required", "precondition-failed")


class ProblemShape(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.URLField(help_text="Address of the page that says cause and fix.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField(help_text="Names this request in the server's log.")
    errors = serializers.ListField(child=serializers.DictField(), required=False)  # type: ignore[assignment]


class ApiSchema(AutoSchema):
    """Adds what our base view does: filters, paging, scopes, and the problems each operation can answer."""

    def get_override_parameters(self) -> list[Any]:
        view: Any = self.view
        found = [OWN_PARAMETERS[name] for name in view.parameters if self.method == "GET"]
        if self.method == "GET" and view.filterset_class is not None:
            found += [_as_parameter(name, one) for name, one in view.filterset_class.base_filters.items()]
        if self.method == "GET" and view.paged:
            found += [_LIMIT, _CURSOR]
        if self._takes_key():
            found.append(_KEY)
        if self.method == "PATCH":
            found.append(_IF_MATCH)
        return found

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        return str(type(serializer).__name__.removesuffix("Shape"))

    def get_filter_backends(self) -> list[Any]:
        return []

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        view: Any = self.view
        scope = view.scopes.get(self.method.lower())
        if scope:
            said = operation.get("description", "")
            operation["description"] = f"{said}\n\nScope: `{scope}`.".strip()
            operation["x-scope"] = scope
        shape = self.resolve_serializer(ProblemShape, "response").ref
        for slug in self._problem_slugs("requestBody" in operation):
            kind = problems.KINDS[slug]
            operation["responses"].setdefault(
                str(kind.status),
                {"description": kind.title, "content": {problems.CONTENT_TYPE: {"schema": shape}}},
            )
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _problem_slugs(self, has_body: bool) -> list[str]:
        view: Any = self.view
        found = list(_ALWAYS)
        if has_body or self.method == "POST":
            found += _WITH_BODY
        if self.method != "GET" or view.may_conflict:
            found.append("conflict")
        if self.method == "PATCH":
            found += _WITH_MATCH
        if "wait" in view.parameters:
            found.append("cursor-expired")
        return found

    def _takes_key(self) -> bool:
        handler = getattr(self.view, self.method.lower(), None)
        return bool(getattr(handler, "takes_idempotency_key", False))


def _as_parameter(name: str, one: Any) -> OpenApiParameter:
    """How a filter of django-filter reads in the document."""
    kinds: dict[str, Any] = {
        "InstantField": {"type": "string", "format": "date-time"},
        "YesNoField": {"type": "boolean"},
    }
    field = one.field
    shape = kinds.get(type(field).__name__, {"type": "string"})
    if isinstance(field, forms.ChoiceField):
        shape = {"type": "string", "enum": [value for value, _ in one.extra["choices"]]}
    return OpenApiParameter(name, shape, description=one.extra.get("help_text", ""))


def only_version_one(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Documents no other address than those of version 1."""
    return [one for one in endpoints if one[0].startswith("/api/v1/")]


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The whole document, always in the same order. Made once a process: the settings are patched meanwhile."""
    with patched_settings(SETTINGS):
        found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found
