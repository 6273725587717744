"""The JSON Schema (2020-12) of a rule, for builders and for people who write rules by hand."""

from typing import Any

from segments.parsing import MAX_CHOICES, MAX_NAME, MAX_STEPS, MAX_TEXT, SLUG
from segments.rules import MAX_CONDITIONS, NUMBER_OPS, PROPERTY_OPS, STATS, TIME_OPS, TRAIT_OPS
from segments.values import RELATIVE

_ORDER = ("lt", "lte", "gt", "gte")
_NAME = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
_SCALAR = {
    "anyOf": [{"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, {"type": "number"}, {"type": "boolean"}]
}


def rule_schema() -> dict[str, Any]:
    """What `parse_rule` reads; depth and the number of conditions are checked there as well."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "segment-rule",
        "title": "Rule of a segment",
        "$ref": "#/$defs/node",
        "$defs": {
            "node": {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in _NODES]},
            "window": {
                "oneOf": [
                    _object({unit: {"type": "integer", "minimum": 1}}, unit) for unit in ("minutes", "hours", "days")
                ]
            },
            "filter": _comparison("property", PROPERTY_OPS),
            "step": _object({"event": _NAME, "where": _FILTERS}, "event"),
            **_NODES,
        },
    }


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required or properties),
        "additionalProperties": False,
    }


def _value_of(op: str) -> dict[str, Any] | None:
    if op in ("exists", "missing"):
        return None
    if op in RELATIVE:
        return {"$ref": "#/$defs/window"}
    if op in ("before", "after"):
        return {"type": "string", "description": "A date or time, such as 2026-01-31 or 2026-01-31T09:00:00Z"}
    if op in _ORDER:
        return {"type": ["number", "string"]}
    if op == "in":
        return {"type": "array", "items": _SCALAR, "minItems": 1, "maxItems": MAX_CHOICES}
    return {"type": "string", "minLength": 1, "maxLength": MAX_TEXT} if op == "starts_with" else _SCALAR


def _comparison(subject: str, ops: tuple[str, ...]) -> dict[str, Any]:
    named = {subject: _NAME} if subject else {}
    choices = []
    for op in ops:
        value = _value_of(op)
        properties = {**named, "is": {"const": op}}
        if value is not None:
            properties["value"] = value
        required = tuple(properties)
        # Of an event's own time, a length has no zone.
        if op in ("before", "after") or (subject and op in RELATIVE):
            properties["zone"] = {"type": "string", "description": "Of dates that name none, such as Europe/Berlin"}
        choices.append(_object(properties, *required))
    return {"oneOf": choices}


def _group(kind: str, least: int) -> dict[str, Any]:
    children = {"type": "array", "items": {"$ref": "#/$defs/node"}, "minItems": least, "maxItems": MAX_CONDITIONS}
    return _object({kind: children})


def _event(kind: str, detail: dict[str, Any], *, windowed: bool) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "event": _NAME,
        kind: detail,
        "where": _FILTERS,
    }
    if windowed:
        properties["within"] = {"oneOf": [{"$ref": "#/$defs/window"}, {"type": "null"}]}
    return _object(properties, "event", kind)


def _steps(least: int) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": least, "maxItems": MAX_STEPS}


def _stat(stat: str) -> dict[str, Any]:
    value = _WHOLE if stat == "distinct" else {"type": ["number", "string"]}
    detail = _object({"property": _NAME, "is": {"enum": list(NUMBER_OPS)}, "value": value})
    return _event(stat, detail, windowed=True)


_FILTERS = {"type": "array", "items": {"$ref": "#/$defs/filter"}, "maxItems": 10}
_SLUG = {"type": "string", "maxLength": 80, "pattern": f"^{SLUG.pattern}$"}
_PERCENT = {"type": "integer", "minimum": 0, "maximum": 100}
_WHOLE = {"type": ["integer", "string"], "minimum": 0}
_NODES: dict[str, dict[str, Any]] = {
    "all": _group("all", 0),
    "any": _group("any", 1),
    "not": _object({"not": {"$ref": "#/$defs/node"}}),
    "trait": _comparison("trait", TRAIT_OPS),
    "count": _event("count", _object({"is": {"enum": list(NUMBER_OPS)}, "value": _WHOLE}), windowed=True),
    "sum": _event(
        "sum",
        _object({"property": _NAME, "is": {"enum": list(NUMBER_OPS)}, "value": {"type": ["number", "string"]}}),
        windowed=True,
    ),
    **{stat: _stat(stat) for stat in STATS},
    "first": _event("first", _comparison("", TIME_OPS), windowed=False),
    "last": _event("last", _comparison("", TIME_OPS), windowed=False),
    "absent": _object({"absent": _NAME, "after": _NAME, "for": {"$ref": "#/$defs/window"}}),
    "sequence": _object(
        {
            "sequence": _steps(2),
            "within": {"$ref": "#/$defs/window"},
            "span": {"oneOf": [{"$ref": "#/$defs/window"}, {"type": "null"}]},
            "without": {"oneOf": [_steps(1), {"type": "null"}]},
        },
        "sequence",
        "within",
    ),
    "segment": _object({"segment": _SLUG}),
    "list": _object({"list": _SLUG}),
    "random": _object({"random": _NAME, "from": _PERCENT, "to": _PERCENT}),
}
