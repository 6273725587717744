"""Documents about the API: OpenAPI, its pages for people, and the problem pages. All public, all from this host."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views import View
from django.views.generic import TemplateView

from cdp.api import problems
from cdp.api.openapi import document

OPENAPI_TYPE = "application/vnd.oai.openapi+json;version=3.1"
_METHODS = ("get", "post", "patch", "delete")
_JSON = "application/json"
_TAGS = (
    "profiles", "identity", "segments", "lists", "insights", "recommendations", "campaigns", "messages", "experiments",
    "personalisation", "events", "sources", "destinations", "syncs", "privacy", "jobs",
)  # fmt: skip


def document_text() -> str:
    """The OpenAPI document as it is served and committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False, default=str) + "\n"


class OpenApiDocument(View):
    """`/api/v1/openapi.json`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        kind = OPENAPI_TYPE if "vnd.oai.openapi" in request.headers.get("Accept", "") else _JSON
        response = HttpResponse(document_text(), content_type=kind)
        response.headers["Access-Control-Allow-Origin"] = "*"  # public, and tools in a browser read it from elsewhere
        return response


class DocumentationPage(TemplateView):
    """`/api/docs/`: every operation with its parameters, answers and a cURL line to copy.

    Swagger UI and Redoc write inline styles, which our Content-Security-Policy refuses; a plain page needs none.
    """

    template_name = "api/docs.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        origin = self.request.build_absolute_uri("/").rstrip("/")
        groups = [
            {"tag": tag, "operations": [one | {"curl": _curl(one, origin)} for one in operations]}
            for tag, operations in _groups().items()
        ]
        found = document()
        return super().get_context_data(**kwargs) | {
            "info": found["info"], "lead": prose(found["info"]["description"]), "groups": groups, "origin": origin
        }  # fmt: skip


class ProblemIndexPage(TemplateView):
    """`/problems/`: all kinds of problems."""

    template_name = "api/problems.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "problems": [(one, prose(one.cause)) for one in problems.KINDS.values()]
        }


class ProblemPage(TemplateView):
    """`/problems/<slug>/`: cause and fix of one kind."""

    template_name = "api/problem.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = problems.KINDS.get(kwargs["slug"])
        if found is None:
            raise Http404
        said = {"cause": prose(found.cause), "fix": prose(found.fix)}
        return super().get_context_data(**kwargs) | {"problem": found} | said


def prose(text: str) -> SafeString:
    """Escaped text in which `such` parts are code."""
    parts = enumerate(text.split("`"))
    return format_html_join("", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in parts))


@lru_cache(maxsize=1)
def _groups() -> dict[str, list[dict[str, Any]]]:
    """The document's operations by tag, ready for the page."""
    found: dict[str, list[dict[str, Any]]] = {tag: [] for tag in _TAGS}
    for one in _operations(document()):
        found[one["tag"]].append(one)
    return found


def _operations(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in whole["paths"].items():
        for method in _METHODS:
            if method not in methods:
                continue
            operation = methods[method]
            request_shape = _shape(operation.get("requestBody", {}))
            yield {
                "id": operation["operationId"],
                "tag": operation["tags"][0],
                "method": method.upper(),
                "path": path,
                "summary": operation.get("summary", ""),
                "description": prose(operation.get("description", "").partition("\n\nScope:")[0]),
                "scope": operation.get("x-scope", ""),
                "parameters": [_parameter(one) for one in operation.get("parameters", [])],
                "fields": _fields(whole, request_shape),
                "example": _example(whole, request_shape),
                "answers": [_answer(status, one) for status, one in operation["responses"].items()],
            }


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    shape = one.get("schema", {})
    return {
        "name": one["name"],
        "place": one["in"],
        "required": one.get("required", False),
        "kind": " | ".join(map(str, shape["enum"])) if "enum" in shape else _kind(shape),
        "said": prose(one.get("description", "")),
    }


def _answer(status: str, one: dict[str, Any]) -> dict[str, Any]:
    return {"status": status, "said": one.get("description", "") or "Done.", "shape": _shape(one).rpartition("/")[2]}


def _shape(part: dict[str, Any]) -> str:
    """The reference of the first content's schema, or nothing."""
    for content in part.get("content", {}).values():
        return str(content.get("schema", {}).get("$ref", ""))
    return ""


def _fields(whole: dict[str, Any], reference: str) -> list[dict[str, Any]]:
    shape = _resolve(whole, reference)
    needed = shape.get("required", [])
    return [
        {"name": name, "kind": _kind(inner), "required": name in needed, "said": prose(inner.get("description", ""))}
        for name, inner in shape.get("properties", {}).items()
    ]


def _kind(shape: dict[str, Any]) -> str:
    if "enum" in shape:
        return " | ".join(map(str, shape["enum"]))
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    kind = shape.get("type", "any")
    name = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{name} ({shape['format']})" if "format" in shape else name


def _example(whole: dict[str, Any], reference: str) -> dict[str, Any]:
    samples = {"string": "…", "integer": 1, "boolean": True, "array": [], "object": {}, "number": 1}
    shape = _resolve(whole, reference)
    return {
        name: inner.get("example", samples.get(_first(inner.get("type", "object")), {}))
        for name, inner in shape.get("properties", {}).items()
        if name in shape.get("required", [])
    }


def _first(kind: str | list[str]) -> str:
    """A field that may be null has several types."""
    return kind if isinstance(kind, str) else kind[0]


def _resolve(whole: dict[str, Any], reference: str) -> dict[str, Any]:
    name = reference.rpartition("/")[2]
    found: dict[str, Any] = whole["components"]["schemas"].get(name, {})
    return found


def _curl(one: dict[str, Any], origin: str) -> str:
    needed = [f"{p['name']}=…" for p in one["parameters"] if p["required"] and p["place"] == "query"]
    query = "?" + "&".join(needed) if needed else ""
    parts = [f"curl {'-X ' + one['method'] + ' ' if one['method'] != 'GET' else ''}'{origin}{one['path']}{query}'"]
    parts.append('-H "Authorization: Bearer $CDP_TOKEN"')
    if one["method"] == "PATCH":
        parts.append("-H 'If-Match: \"…\"'")
    if one["fields"]:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d '{json.dumps(one['example'], ensure_ascii=False)}'")
    return " \\\n  ".join(parts)
