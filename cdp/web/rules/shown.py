"""A draft as the template shows it: every node with its path, its choices and what is wrong with it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdp.web.rules.draft import DATES, MAX_DEPTH, MOMENTS, OF_PROPERTY, UNREADABLE, WITH_LENGTH, WITHOUT_VALUE, Draft

MODES = (
    ("all", "all of these hold"),
    ("any", "at least one of these holds"),
    ("none", "none of these holds"),
    ("not_all", "not all of these hold"),
)
VALUE_OPS = (
    ("eq", "is"), ("ne", "is set and is not"), ("in", "is one of"), ("contains", "contains"),
    ("starts_with", "starts with"), ("gt", "is more than"), ("gte", "is at least"), ("lt", "is less than"),
    ("lte", "is at most"), ("exists", "is set"), ("missing", "is not set"), ("before", "is before"),
    ("after", "is on or after"),
)  # fmt: skip
RELATIVE_OPS = (
    ("within_last", "is within the last"), ("more_than_ago", "is longer ago than"),
    ("within_next", "is within the next"),
)  # fmt: skip
NUMBER_OPS = (
    ("gte", "at least"), ("gt", "more than"), ("eq", "exactly"), ("lte", "at most"), ("lt", "less than"),
    ("ne", "not exactly"),
)  # fmt: skip
TIME_OPS = (
    ("within_last", "within the last"), ("more_than_ago", "longer ago than"), ("before", "before"),
    ("after", "on or after"),
)  # fmt: skip
MEASURES = (
    ("count", "happened"), ("sum", "adds up"), ("avg", "on average"), ("min", "at the least"), ("max", "at the most"),
    ("distinct", "different values"), ("first", "first happened"), ("last", "last happened"),
)  # fmt: skip
UNITS = (("minutes", "minutes"), ("hours", "hours"), ("days", "days"))
Choices = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Shown:
    """One node for the template. `op` is the chosen comparison, always one of `ops`."""

    path: str
    kind: str
    texts: Mapping[str, str]
    children: tuple["Shown", ...]
    filters: tuple["Shown", ...]
    problem: str
    number: int
    siblings: int
    may_nest: bool
    focus: bool
    ops: Choices
    op: str

    @property
    def asks_value(self) -> bool:
        return self.op not in WITHOUT_VALUE

    @property
    def asks_unit(self) -> bool:
        return self.op in WITH_LENGTH

    @property
    def asks_zone(self) -> bool:
        """Whether dates that name no zone may be meant in one; an event's own time is no such date."""
        return self.op in DATES or (self.op in WITH_LENGTH and self.kind == "trait")

    @property
    def measures_number(self) -> bool:
        return self.texts.get("measure") not in MOMENTS

    @property
    def asks_property(self) -> bool:
        return self.texts.get("measure") in OF_PROPERTY

    @property
    def value_hint(self) -> str:
        """What the value should look like."""
        return {"in": "one, two, three", "before": "2026-01-31", "after": "2026-01-31"}.get(self.op, "")


def show(root: Draft, *, problems: Mapping[str, str], focus: str = "") -> Shown:
    """The whole tree for the template; `problems` are messages by path."""
    return _show(root, "r", 1, 1, 1, problems, focus)


def _show(
    node: Draft, path: str, number: int, siblings: int, depth: int, problems: Mapping[str, str], focus: str
) -> Shown:
    ops = _ops(node)
    op = node.texts.get("is", "")
    return Shown(
        path=path, kind=node.kind, texts=node.texts, problem=problems.get(path, ""), number=number, siblings=siblings,
        children=tuple(
            _show(child, f"{path}.{index}", index + 1, len(node.children), depth + 1, problems, focus)
            for index, child in enumerate(node.children)
        ),
        filters=tuple(
            _show(one, f"{path}.w.{index}", index + 1, len(node.filters), depth, problems, focus)
            for index, one in enumerate(node.filters)
        ),
        may_nest=depth < MAX_DEPTH - 1, focus=path == focus, ops=ops,
        op=op if op in dict(ops) else next((key for key, _ in ops), ""),
    )  # fmt: skip


def _ops(node: Draft) -> Choices:
    if node.kind == "trait":
        return (*VALUE_OPS, *RELATIVE_OPS)
    if node.kind == "where":
        return VALUE_OPS
    if node.kind == "event":
        return TIME_OPS if node.texts["measure"] in MOMENTS else NUMBER_OPS
    return ()


def settle(root: Draft) -> Draft:
    """Choose a comparison that exists wherever the measure of an event changed under it."""
    for node in (root, *root.children):
        if node is not root:
            settle(node)
    ops = dict(_ops(root))
    if ops and root.texts.get("is") not in ops:
        root.texts["is"] = next(iter(ops))
        if root.texts["is"] == "within_last":
            root.texts["value"] = root.texts["value"] or "30"
    return root


def unreadable(rule: Mapping[str, Any], places: Mapping[str, str], at: str = "") -> dict[str, str]:
    """Messages by form path for the texts in a rule that could not be read."""
    if UNREADABLE in rule:
        return {places[at]: rule[UNREADABLE]}
    children = {f"{at}/{key}/{n}": one for key in ("all", "any") for n, one in enumerate(rule.get(key, ()))}
    children |= {f"{at}/not": rule["not"]} if "not" in rule else {}
    return {path: text for place, one in children.items() for path, text in unreadable(one, places, place).items()}


def problems_by_path(found: Sequence[Any], places: Mapping[str, str]) -> dict[str, str]:
    """Problems with JSON pointers as messages at form paths: the longest known pointer above each decides."""
    told: dict[str, str] = {}
    for problem in found:
        pointer = problem.pointer
        while pointer and pointer not in places:
            pointer = pointer.rpartition("/")[0]
        told.setdefault(places.get(pointer, "r"), problem.message)
    return told
