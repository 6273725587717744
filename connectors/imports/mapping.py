"""Mappings of files: read from JSON, and applied to rows. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connectors.imports.contracts import BadMapping, Case, Column, FileMapping, ItemMapping, Problem, items_given
from connectors.imports.presets import PRESETS
from connectors.imports.reading import as_text
from connectors.imports.values import CannotRead, boolean, moment, number

_TO = re.compile(r"identifiers\.[a-z][a-z_]{1,31}|(?:traits|properties)\.[^\x00-\x1f]{1,120}|timestamp|event|group_id")
_KINDS, _ORDERS, _DECIMALS = ("text", "number", "date", "boolean"), ("ymd", "dmy", "mdy"), (".", ",")
# Identifiers that the tracking calls name themselves; others go as external ids of the context.
IN_TRAITS = ("email", "phone", "loyalty_id", "crm_id")
_LONGEST_SHOWN = 200
# So many items may a row become.
MOST_ITEMS = 5

Judged = tuple[bytes | None, str, list[Problem]]


def read_mapping(given: Mapping[str, Any], header: Sequence[str], *, formats: bool = False) -> FileMapping:
    """A mapping as it is kept, held against the columns of a file. Raises BadMapping with all that is wrong.

    With `formats` it may be the name of one that is known (`presets.PRESETS`).
    """
    if formats and given.get("preset"):
        return _of_preset(str(given["preset"]), header)
    listed = items_given(given)
    if not 1 <= len(listed) <= MOST_ITEMS:
        raise BadMapping([f"items: a row becomes at least one item, and at most {MOST_ITEMS}."])
    items: list[ItemMapping] = []
    problems: list[str] = []
    for place, one in enumerate(listed, 1):
        wrong: list[str] = []
        items.append(_item(one, header, wrong))
        problems += wrong if len(listed) == 1 else [f"Item {place}: {told}" for told in wrong]
    if not problems and len(set(items)) < len(items):
        problems.append("items: two of them are the same.")
    if problems:
        raise BadMapping(problems)
    return FileMapping(tuple(items))


def _item(given: Any, header: Sequence[str], wrong: list[str]) -> ItemMapping:
    given = given if isinstance(given, Mapping) else {}
    columns = [_column(one, header, wrong) for one in _listed(given, "columns", wrong)]
    cases = [_case(one, header, wrong) for one in _listed(given, "cases", wrong)]
    rows, event = str(given.get("rows") or ""), str(given.get("event") or "").strip()
    made = ItemMapping(rows, tuple(one for one in columns if one), event, tuple(one for one in cases if one))
    wrong += _whole(made)
    return made


def _listed(given: Mapping[str, Any], name: str, wrong: list[str]) -> list[Any]:
    found = given.get(name) or []
    if isinstance(found, list | tuple):
        return list(found)
    wrong.append(f"{name}: give a list.")
    return []


def _of_preset(name: str, header: Sequence[str]) -> FileMapping:
    if name not in PRESETS:
        raise BadMapping([f"preset: there is no format {name!r}; there are {', '.join(PRESETS)}."])
    missing = [one for one in PRESETS[name].known_by if one not in header]
    if missing:
        raise BadMapping([f"preset: a file of {PRESETS[name].label} has the columns {', '.join(missing)}."])
    return FileMapping((), preset=name)


def _column(one: Any, header: Sequence[str], wrong: list[str]) -> Column | None:
    try:
        made = Column(**one)
    except TypeError:
        made = Column("", "")
    texts, bounds = (made.name, made.to, made.kind, made.order, made.decimal), (made.least, made.most)
    if not made.name or not all(isinstance(text, str) for text in texts) or not all(map(_is_bound, bounds)):
        wrong.append(f"columns: {str(one)[:200]} is no column.")
        return None
    told = f"{made.name}: "
    if made.name not in header:
        wrong.append(f"{told}the file has no such column.")
    if not _TO.fullmatch(str(made.to)):
        wrong.append(
            f"{told}{made.to!r} is no place; use identifiers.KIND, traits.NAME, properties.NAME, timestamp, event "
            "or group_id."
        )
    if made.kind not in _KINDS or made.order not in _ORDERS or made.decimal not in _DECIMALS:
        wrong.append(f"{told}kinds are {', '.join(_KINDS)}; orders {', '.join(_ORDERS)}; decimal marks . and ,")
    return made


def _case(one: Any, header: Sequence[str], wrong: list[str]) -> Case | None:
    try:
        made = Case(**one)
    except TypeError:
        made = Case("", "", "")
    if not all(isinstance(text, str) and text for text in (made.column, made.starts_with, made.event)):
        wrong.append(f"cases: {str(one)[:200]} is no case.")
        return None
    if made.column not in header:
        wrong.append(f"cases: name a column of the file, a text and an event ({made.column}).")
    return made


def _is_bound(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _whole(made: ItemMapping) -> list[str]:
    found = []
    places = [one.to for one in made.columns]
    if made.rows not in ("identify", "track", "group"):
        found.append("rows: say whether rows are people (identify), events (track) or members of groups (group).")
    found += [f"{place}: two columns go there." for place in sorted({one for one in places if places.count(one) > 1})]
    if made.rows == "track" and not made.event and "event" not in places:
        found.append("event: name the event, or the column that does.")
    if made.rows in ("identify", "group") and any(one.startswith("properties.") or one == "event" for one in places):
        found.append("columns: people and groups have traits; properties and events belong to events.")
    if (made.rows == "group") != ("group_id" in places):
        found.append("columns: rows that are members of groups, and only those, have a column that goes to group_id.")
    if not any(one.startswith("identifiers.") for one in places):
        found.append("columns: at least one must say who it is (identifiers.…).")
    return found


class RowMapper:
    """Turns rows of a table into items of one kind, each as JSON bytes with a message id made of its content."""

    def __init__(self, mapping: ItemMapping, header: Sequence[str]) -> None:
        self._mapping, self._width = mapping, len(header)
        index = {name: place for place, name in enumerate(header)}
        # What is the same for all rows is found out once: where in the row, in which part of the item, by which name.
        self._cells = [
            (index[one.name], one, *place_of(one.to, mapping.rows), is_plain(one)) for one in mapping.columns
        ]
        self._cases = [(index[one.column], one) for one in mapping.cases]
        self.blank: dict[str, int] = {one.name: 0 for one in mapping.columns}
        self.cases: dict[str, int] = {one.event: 0 for one in mapping.cases}

    def __call__(self, row_number: int, row: Sequence[Any]) -> Judged:
        """(item or None when the row is refused, its event, what is to be said of it)."""
        item, problems = self.item(row_number, row)
        if item is None:
            return None, "", problems
        return _with_id(item), str(item.get("event") or item["type"]), problems

    def item(self, row_number: int, row: Sequence[Any]) -> tuple[dict[str, Any] | None, list[Problem]]:
        """The call without a message id (None when the row is refused), and what is to be said of it."""
        if len(row) != self._width:
            return None, [wrong_width(row_number, row, self._width)]
        parts: tuple[dict[str, Any], ...] = ({"type": self._mapping.rows}, {}, {}, {})
        if self._mapping.rows == "track":
            parts[ROOT]["event"] = self._mapping.event
        problems = self._fill(parts, row_number, row)
        event = next((one.event for place, one in self._cases if as_text(row[place]).startswith(one.starts_with)), "")
        if event:
            parts[ROOT]["event"] = event
            self.cases[event] += 1
        if any(one.refused for one in problems):
            return None, [one for one in problems if one.refused]
        return _assembled(*parts), problems

    def _fill(self, parts: tuple[dict[str, Any], ...], row_number: int, row: Sequence[Any]) -> list[Problem]:
        """Put each cell into its part of the item; what is to be said of them."""
        problems = []
        for place, column, part, key, plain in self._cells:
            value = row[place]
            text = value.strip() if isinstance(value, str) else as_text(value)
            if not text:
                self.blank[column.name] += 1
            elif plain and text.isascii() and "\0" not in text:
                parts[part][key] = text
            else:
                parts[part][key], reason, refused = read_cell(value, text, column)
                if reason:
                    problems.append(problem(row_number, column, text, reason, refused=refused))
        return problems


ROOT, PROPERTIES, TRAITS, EXTERNAL = range(4)


def place_of(to: str, rows: str) -> tuple[int, str]:
    """The part of the item, and the name in it."""
    group, _, name = to.partition(".")
    if group != "identifiers":
        part = {"properties": PROPERTIES, "traits": TRAITS}.get(group, ROOT)
        return part, name or {"group_id": "groupId"}.get(group, group)
    root = {"user_id": "userId", "anonymous_id": "anonymousId"}.get(name)
    if root:
        return ROOT, root
    # The traits of a group call are the group's.
    return (TRAITS, name) if name in IN_TRAITS and rows != "group" else (EXTERNAL, name)


def is_plain(column: Column) -> bool:
    """Whether cells are taken as they are."""
    return column.kind == "text" and column.to != "timestamp"


def _assembled(
    root: dict[str, Any], properties: dict[str, Any], traits: dict[str, Any], external: dict[str, Any]
) -> dict[str, Any]:  # fmt: skip
    """The call. Identify says of whom it is by its traits, track by those of the context."""
    context: dict[str, Any] = {}
    if properties:
        root["properties"] = properties
    if traits:
        (context if root["type"] == "track" else root)["traits"] = traits
    if external:
        context["externalIds"] = [external_id(kind, value) for kind, value in external.items()]
    return {**root, "context": context} if context else root


def external_id(kind: str, value: Any) -> dict[str, str]:
    """An identifier as the context of a call tells it."""
    return {"id": str(value), "type": kind, "collection": "users", "encoding": "none"}


def read_cell(value: Any, text: str, column: Column) -> tuple[Any, str, bool]:
    """The cell as its column's kind, why it is pointed at ("" when it is fine), and whether the row cannot come in.

    What cannot be read stays text; but a row without its time would be told as if it had happened now.
    """
    if _is_broken(text):
        return text, "not in the file's encoding", True
    if column.to.startswith("identifiers."):
        return text, "", False
    try:
        if column.kind == "number":
            found = value if isinstance(value, int | float) and not isinstance(value, bool) else None
            read = number(text, decimal=column.decimal) if found is None else found
            return read, _out_of_range(read, column), False
        if column.kind == "date" or column.to == "timestamp":
            return moment(value, text, order=column.order), "", False
        return (boolean(text) if column.kind == "boolean" else text), "", False
    except CannotRead as error:
        return text, str(error), column.to == "timestamp"


def _out_of_range(value: float, column: Column) -> str:
    if column.least is not None and value < column.least:
        return "below the range"
    return "above the range" if column.most is not None and value > column.most else ""


def _with_id(item: dict[str, Any]) -> bytes:
    """The same content gives the same message id, so a row that comes twice counts once."""
    content = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return content[:-1] + b',"messageId":"row-' + digest.encode() + b'"}'


def problem(row: int, column: Column, text: str, reason: str, *, refused: bool) -> Problem:
    shown = text.encode(errors="replace").decode()
    return Problem(row, column.name, shown[:_LONGEST_SHOWN], reason, refused)


def wrong_width(row_number: int, row: Sequence[Any], width: int) -> Problem:
    """What is said of a row with too few or too many cells."""
    told = f"{len(row)} instead of {width}"
    return Problem(row_number, "", told, "not as many cells as the header has", refused=True)


def _is_broken(text: str) -> bool:
    """Whether bytes of the file were no text (see `reading`), or nothing that a database can hold."""
    return "\0" in text or not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text)
