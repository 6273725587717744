"""Schemas of events: learned from what was seen, read, and held against properties. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

from quality.plan.contracts import BadSchema
from quality.plan.observing import MORE, escaped, example, pii_class

LARGEST = 64_000
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit: its kind (the schema's word), where, and what is there."""

    kind: str
    pointer: str
    sample: str


def learned(seen: Mapping[str, Mapping[str, int]], looked_at: int) -> dict[str, Any]:
    """The schema that everything fits which was looked at: paths with their types and how often each; a property that
    was always there is required. Anything else is not planned."""
    root: dict[str, Any] = {"$schema": _DRAFT, **_object(seen.get("", {}))}
    for path in sorted(filter(None, seen), key=lambda one: (one.count("/"), one)):
        types = seen[path]
        parent = _parent(root, path)
        if parent is None:
            continue
        key = path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
        parent["properties"][key] = _node(types)
        above = looked_at if path.count("/") == 1 else _often(seen.get(path.rpartition("/")[0], {}))
        if _often(types) >= above and "object" not in types:
            parent["required"] = sorted({*parent.get("required", []), key})
    return root


def _object(types: Mapping[str, int]) -> dict[str, Any]:
    """Closed, unless it held more than was looked at."""
    return {"type": "object", "properties": {}, **({} if MORE in types else {"additionalProperties": False})}


def _often(types: Mapping[str, int]) -> int:
    return sum(count for name, count in types.items() if name != MORE)


def _node(types: Mapping[str, int]) -> dict[str, Any]:
    names = set(types) - {MORE} - ({"integer"} if "number" in types else set())
    told = sorted(names)
    if told == ["object"]:
        return _object(types)
    return {"type": told[0] if len(told) == 1 else told}


def _parent(root: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The schema node of the object that holds this path; None where that is not always an object."""
    node = root
    for part in path.split("/")[1:-1]:
        found = node["properties"].get(part.replace("~1", "/").replace("~0", "~"))
        if found is None or found.get("type") != "object":
            return None
        node = found
    return node


def compiled(schema: Any) -> Any:
    """What holds properties against the schema. Raises BadSchema; a schema asks no other host and is no trap of regular
    expressions."""
    if not isinstance(schema, dict):
        raise BadSchema("A schema is a JSON object.")
    if len(str(schema)) > LARGEST:
        raise BadSchema(f"A schema has at most {LARGEST} characters.")
    outside = next((one for one in _references(schema) if not one.startswith("#")), None)
    if outside is not None:
        raise BadSchema(f"$ref {outside!r}: a schema refers to its own parts only (#/…).")
    try:
        return jsonschema_rs.Draft202012Validator(schema, pattern_options=jsonschema_rs.RegexOptions())
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        raise BadSchema(str(error).splitlines()[0]) from error


def _references(told: Any) -> Iterable[str]:
    if isinstance(told, dict):
        for key, value in told.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(told, list):
        for value in told:
            yield from _references(value)


def misfits(validator: Any, properties: dict[str, Any], *, most: int = 20) -> list[Misfit]:
    """What of the properties does not fit, a property that is not planned each by itself."""
    found: list[Misfit] = []
    for error in validator.iter_errors(properties):
        kind, place = str(error.schema_path[-1]), [str(part) for part in error.instance_path]
        names: list[str | None] = [None]
        if kind == "additionalProperties":
            names = _unexpected(error, properties, place)
        elif kind == "required":
            names = [str(error.kind.property)]
        for name in names:
            pointer = "".join(f"/{escaped(part)}" for part in [*place, *([] if name is None else [name])])
            found.append(Misfit(kind, pointer, _sample(properties, pointer)))
        if len(found) >= most:
            break
    return found[:most]


def _unexpected(error: Any, properties: dict[str, Any], place: Sequence[str]) -> list[str | None]:
    """The properties that are not planned. Where nothing at all is planned the validator names none: all are meant. It
    leaves nameless keys out of places, so a place that is shorter than the schema's says nothing."""
    told = getattr(error.kind, "unexpected", None)
    if told is not None:
        return [str(one) for one in told]
    if not place and len(error.schema_path) > 1:
        return [None]
    return [str(one) for one in _found(properties, place) or ()]


def _found(properties: Any, place: Sequence[str]) -> Any:
    for key in place:
        properties = properties.get(key) if isinstance(properties, dict) else None
    return properties


def _sample(properties: Any, pointer: str) -> str:
    told = _found(properties, [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]])
    return "" if told is None else example(pointer, told, pii_class(pointer, told))


def stripped(properties: dict[str, Any], found: Iterable[Misfit]) -> dict[str, Any]:
    """The properties without those that do not fit; what lacks cannot be mended."""
    kept = {**properties}
    for one in found:
        if not one.pointer or one.kind == "required":
            continue
        key = one.pointer.split("/")[1].replace("~1", "/").replace("~0", "~")
        if key in kept:
            deeper = one.pointer.count("/") > 1 and isinstance(kept[key], dict)
            if deeper:
                kept[key] = _without(kept[key], one.pointer.split("/")[2:])
            else:
                del kept[key]
    return kept


def _without(told: dict[str, Any], parts: list[str]) -> dict[str, Any]:
    key = parts[0].replace("~1", "/").replace("~0", "~")
    if len(parts) == 1 or not isinstance(told.get(key), dict):
        return {name: value for name, value in told.items() if name != key}
    return {**told, key: _without(told[key], parts[1:])}
