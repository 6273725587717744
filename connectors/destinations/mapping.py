"""Mapping is data: a tree of plain JSON in which an object with one `@` key is a directive. Pure.

`{"@path": "profile.traits.email"}`   the value at a path; missing gives nothing
`{"@template": "{{profile.traits.first_name}} <{{target.value}}>"}`   text with paths in it
`{"@first": [a, b, …]}`   the first of several that gives something

What a mapping can see: `profile.id`, `profile.traits.*`, `profile.identifiers.<kind>` (a list), `profile.created_at`,
`segment.id|slug|name`, `target.kind|value`. It cannot see the moment or the kind of the change, so the same person
gives the same payload each time, and a resync sends only what really differs.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import orjson

ROOTS = frozenset({"profile", "segment", "target"})
DIRECTIVES = frozenset({"@path", "@template", "@first"})
Fill: TypeAlias = Callable[[Mapping[str, Any]], Any]
_HOLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class Missing:
    """Nothing is there (which differs from null)."""


MISSING = Missing()


def path(text: str) -> dict[str, str]:
    """The directive that takes the value at `text`."""
    return {"@path": text}


def value_at(context: Mapping[str, Any], dotted: str) -> Any:
    """Follow a dotted path through objects and lists (`profile.identifiers.email.0`); MISSING when it ends."""
    return _follow(context, dotted.split("."))


def _follow(found: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(found, dict) or isinstance(found, Mapping):  # noqa: SIM101 - asking an abstract class costs more
            found = found.get(part, MISSING)
        elif part.isdigit() and isinstance(found, Sequence) and not isinstance(found, str | bytes):
            found = found[int(part)] if int(part) < len(found) else MISSING
        else:
            return MISSING
    return found


def render(template: Any, context: Mapping[str, Any]) -> Any:
    """Fill a mapping in. Entries that give nothing are left out of their object or list."""
    return compiled(template)(context)


def compiled(template: Any) -> Fill:
    """What `render` does with this mapping, to be used for many people."""
    if isinstance(template, Mapping):
        if len(template) == 1 and next(iter(template)) in DIRECTIVES:
            return _directive(template)
        entries = [(key, compiled(value)) for key, value in template.items()]
        return lambda context: {
            key: value for key, fill in entries if (value := fill(context)) is not MISSING
        }  # fmt: skip
    if isinstance(template, list | tuple):
        fills = [compiled(entry) for entry in template]
        return lambda context: [value for fill in fills if (value := fill(context)) is not MISSING]
    return lambda context: template


def _directive(template: Mapping[str, Any]) -> Fill:
    ((name, argument),) = template.items()
    if name == "@path":
        parts = argument.split(".")
        return lambda context: _follow(context, parts)
    if name == "@first":
        fills = [compiled(entry) for entry in argument]
        return lambda context: next(
            (value for fill in fills if (value := fill(context)) is not MISSING and value not in (None, "")), MISSING
        )  # fmt: skip
    return lambda context: _HOLE.sub(lambda hole: _as_text(value_at(context, hole.group(1))), argument)


def _as_text(value: Any) -> str:
    if value is MISSING or value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def problems(template: Any, *, where: str = "") -> list[str]:
    """Everything that is wrong with a mapping, each with where it is. An empty list means that it can be rendered."""
    if isinstance(template, Mapping):
        marked = [key for key in template if str(key).startswith("@")]
        if marked:
            return _directive_problems(template, where)
        return [p for key, value in template.items() for p in problems(value, where=f"{where}/{key}")]
    if isinstance(template, list | tuple):
        return [p for index, value in enumerate(template) for p in problems(value, where=f"{where}/{index}")]
    if template is None or isinstance(template, str | int | float | bool):
        return []
    return [f"{where or '/'}: {type(template).__name__} is not JSON."]


def _directive_problems(template: Mapping[str, Any], where: str) -> list[str]:
    at = where or "/"
    if len(template) != 1:
        return [f"{at}: a directive stands alone in its object."]
    ((name, argument),) = template.items()
    if name not in DIRECTIVES:
        return [f"{at}: {name} is not known; use {', '.join(sorted(DIRECTIVES))}."]
    if name == "@first":
        if not isinstance(argument, list | tuple) or not argument:
            return [f"{at}: @first needs a list."]
        return [p for index, entry in enumerate(argument) for p in problems(entry, where=f"{where}/{index}")]
    if not isinstance(argument, str):
        return [f"{at}: {name} needs text."]
    dotted = [argument] if name == "@path" else _HOLE.findall(argument)
    return [
        f"{at}: the path {text!r} must begin with {', '.join(sorted(ROOTS))}."
        for text in dotted
        if text.split(".")[0] not in ROOTS
    ]


def digest(*parts: Any) -> str:
    """SHA-256 over a canonical form: equal content gives an equal digest, whatever the order of keys."""
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)).hexdigest()
