"""The form of a file's mapping: a line for each column. To and from the JSON that is kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.contracts import items_given
from identity.contracts import IDENTIFIER_KINDS

# How a column is read: (value of the select, label, what it is in the mapping).
READINGS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("text", "text", {"kind": "text"}),
    ("number.", "number, 1,234.5", {"kind": "number", "decimal": "."}),
    ("number,", "number, 1.234,5", {"kind": "number", "decimal": ","}),
    ("dateymd", "date, 2026-11-30", {"kind": "date", "order": "ymd"}),
    ("datedmy", "date, 30.11.2026", {"kind": "date", "order": "dmy"}),
    ("datemdy", "date, 11/30/2026", {"kind": "date", "order": "mdy"}),
    ("boolean", "yes or no", {"kind": "boolean"}),
)
PLACES = (
    *(f"identifiers.{kind}" for kind in IDENTIFIER_KINDS if kind != "previous_id"), "timestamp", "event", "group_id",
    *(f"traits.{name}" for name in (
        "first_name", "last_name", "name", "birth_date", "gender", "street", "city", "postcode", "country", "plan",
    )), "properties.revenue", "properties.price", "properties.quantity", "properties.product_id",
)  # fmt: skip

# What an undo counts, in words and in order.
_UNDONE = {
    "events": "Events", "kept": "Events that stay, because another file brought them, too",
    "quarantined": "Quarantined items", "people": "People of whom nothing else is known",
    "parted": "People who were one by this file alone, and are parted", "identifiers": "Identifiers",
    "links": "Links", "bans": "Decisions that two are not one", "claims": "Claims about traits",
    "claims_before": "Claims that an earlier one replaces again", "consents": "Words about purposes",
    "traits": "People whose traits change",
    "memberships": "Entries and exits of segments",
}  # fmt: skip


def undone_lines(counts: Mapping[str, int] | None) -> list[tuple[str, int]]:
    """What an undo took away, or would, in words; of what there is nothing only the events are told."""
    return [(words, n) for name, words in _UNDONE.items() if (n := (counts or {}).get(name, 0)) or name == "events"]


@dataclass(frozen=True, slots=True)
class Line:
    """One column of the file as it stands in the form."""

    index: int
    name: str
    example: str
    to: str
    reading: str
    least: str
    most: str


@dataclass(frozen=True, slots=True)
class ItemForm:
    """One item that a row becomes as it stands in the form; the names of its fields begin with `prefix`."""

    number: int
    prefix: str
    rows: str
    event: str
    case: Mapping[str, str]
    lines: Sequence[Line]

    @property
    def of(self) -> str:
        """What tells its fields from those of the first item."""
        return f" in item {self.number}" if self.number > 1 else ""


def item_forms(header: Sequence[str], examples: Sequence[str], mapping: Mapping[str, Any]) -> list[ItemForm]:
    """The items of a mapping."""
    return [
        ItemForm(
            number, _prefix(number), str(one.get("rows") or ""), str(one.get("event") or ""),
            next(iter(one.get("cases") or ()), {}), _lines(header, examples, one),
        )
        for number, one in enumerate(items_given(mapping), 1)
    ]  # fmt: skip


def _prefix(number: int) -> str:
    return f"{number}-" if number > 1 else ""


def _lines(header: Sequence[str], examples: Sequence[str], mapping: Mapping[str, Any]) -> list[Line]:
    """All columns of the file, those that go nowhere with an empty place."""
    by_name = {one["name"]: one for one in mapping.get("columns") or ()}
    found = []
    for index, (name, example) in enumerate(zip(header, examples, strict=True)):
        one = by_name.get(name, {})
        found.append(Line(
            index, name, example, one.get("to", ""), _reading(one), _text(one.get("least")), _text(one.get("most")),
        ))  # fmt: skip
    return found


def _reading(one: Mapping[str, Any]) -> str:
    kind = one.get("kind", "text")
    if kind == "number":
        return f"number{one.get('decimal', '.')}"
    return f"date{one.get('order', 'ymd')}" if kind == "date" else str(kind)


def _text(value: Any) -> str:
    return "" if value is None else f"{value:g}"


def mapping_given(posted: Mapping[str, str], header: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The mapping that the form says, with one item more or less where that is asked, and what in it cannot be read."""
    if posted.get("preset"):
        return {"rows": "track", "event": "", "columns": [], "preset": posted["preset"]}, []
    problems: list[str] = []
    items = [_item_given(posted, "", header, problems)]
    while (prefix := _prefix(len(items) + 1)) + "rows" in posted:
        items.append(_item_given(posted, prefix, header, problems))
    wanted = posted.get("do", "")
    if wanted == "add_item":
        items.append(_another(items[0]))
    elif wanted.startswith("drop_item_"):
        items = [one for number, one in enumerate(items, 1) if wanted != f"drop_item_{number}" or number == 1]
    return (items[0] if len(items) == 1 else {"items": items}), problems


def is_reshaping(posted: Mapping[str, Any]) -> bool:
    """Whether only one item more or less was asked for: nothing is kept yet."""
    return str(posted.get("do", "")).startswith(("add_item", "drop_item_"))


def _another(first: Mapping[str, Any]) -> dict[str, Any]:
    """What is likely meant by one item more: whom an event is of, or the group of a person."""
    who = [one for one in first["columns"] if one["to"].startswith("identifiers.")]
    rows = "identify" if first["rows"] != "identify" else "group"
    return {"rows": rows, "event": "", "columns": who, "cases": []}


def _item_given(
    posted: Mapping[str, str], prefix: str, header: Sequence[str], problems: list[str]
) -> dict[str, Any]:  # fmt: skip
    columns = []
    readings = {key: what for key, _, what in READINGS}
    for index, name in enumerate(header):
        to = posted.get(f"{prefix}c-{index}-to", "").strip()
        if to:
            bounds = {
                end: _number(posted.get(f"{prefix}c-{index}-{end}", ""), name, problems) for end in ("least", "most")
            }
            reading = readings.get(posted.get(f"{prefix}c-{index}-as", ""), readings["text"])
            columns.append({"name": name, "to": to, **reading, **{k: v for k, v in bounds.items() if v is not None}})
    case = {name: posted.get(f"{prefix}case-{name}", "").strip() for name in ("column", "starts_with", "event")}
    return {
        "rows": posted.get(f"{prefix}rows", ""), "event": posted.get(f"{prefix}event", "").strip(), "columns": columns,
        "cases": [case] if case["starts_with"] else [],
    }  # fmt: skip


def _number(text: str, name: str, problems: list[str]) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        problems.append(f"{name}: {text} is no number.")
        return None
