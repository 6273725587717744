"""When a rule holds: a condition over another property of the same object (dbt's `where`). Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from quality.cleaning.contracts import BadRule
from quality.cleaning.kinds import Around

RELATIONS = (
    ("is", "is one of"), ("is_not", "is there, and none of"), ("present", "is there"), ("missing", "is not there"),
)  # fmt: skip
_SAYS = {"is": "is", "is_not": "is there, and not", "present": "is there", "missing": "is not there"}
_WITH_VALUES = frozenset({"is", "is_not"})
Condition = Callable[[Around], bool]


def checked_condition(given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The condition with its parts in their form; None when there is none. Raises BadRule."""
    if not given or not given.get("path"):
        return None
    path, relation = given["path"], given.get("relation") or "is"
    values = [str(one).strip() for one in given.get("values") or ()]
    if not isinstance(path, str) or not path.startswith("/") or len(path) > 200:
        raise BadRule("Only where: a pointer such as /country.", "when/path")
    if relation not in dict(RELATIONS):
        raise BadRule(f"Only where: choose one of {', '.join(dict(RELATIONS))}.", "when/relation")
    if (relation in _WITH_VALUES) != bool(values):
        told = "Name the values, one a line." if relation in _WITH_VALUES else "This asks for no values."
        raise BadRule(f"Only where: {told}", "when/values")
    return {"path": path, "relation": relation, "values": values}


def condition_of(when: Mapping[str, Any]) -> Condition:
    """The condition made ready."""
    path, relation, values = when["path"], when["relation"], frozenset(when["values"])
    if relation == "present":
        return lambda around: filled(around.sibling(path))
    if relation == "missing":
        return lambda around: not filled(around.sibling(path))

    def holds(around: Around) -> bool:
        found = around.sibling(path)
        return filled(found) and (as_text(found) in values) == (relation == "is")

    return holds


def says_condition(when: Mapping[str, Any] | None) -> str:
    """The condition as the end of a sentence."""
    if when is None:
        return ""
    values = when["values"]
    told = ", ".join(values[:5]) + (" …" if len(values) > 5 else "")
    return f" where {when['path']} {_SAYS[when['relation']]}{' ' if told else ''}{told}"


def filled(value: Any) -> bool:
    """Whether there is something."""
    return value is not None and not (isinstance(value, str) and not value.strip()) and value not in ([], {})


def as_text(value: Any) -> str | None:
    """A value as somebody would type it; None for objects and lists."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else str(value) if isinstance(value, int | float) else None
