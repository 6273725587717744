"""Mappings of files: read from JSON, and applied to rows. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connectors.imports.contracts import BadMapping, Case, Column, FileMapping, Problem
from connectors.imports.reading import as_text
from connectors.imports.values import CannotRead, boolean, moment, number

_TO = re.compile(r"identifiers\.[a-z][a-z_]{1,31}|(?:traits|properties)\.[^\x00-\x1f]{1,120}|timestamp|event")
_KINDS, _ORDERS, _DECIMALS = ("text", "number", "date", "boolean"), ("ymd", "dmy", "mdy"), (".", ",")
# Identifiers that the tracking calls name themselves; others go as external ids of the context.
_IN_TRAITS = ("email", "phone", "loyalty_id", "crm_id")
_LONGEST_SHOWN = 200

Judged = tuple[bytes | None, str, list[Problem]]


def read_mapping(given: Mapping[str, Any], header: Sequence[str]) -> FileMapping:
    """A mapping as it is kept, held against the columns of a file. Raises BadMapping with all that is wrong."""
    wrong: list[str] = []
    columns = [_column(one, header, wrong) for one in given.get("columns") or ()]
    cases = [_case(one, header, wrong) for one in given.get("cases") or ()]
    rows, event = str(given.get("rows") or ""), str(given.get("event") or "").strip()
    made = FileMapping(rows, tuple(one for one in columns if one), event, tuple(one for one in cases if one))
    problems = [*wrong, *_whole(made)]
    if problems:
        raise BadMapping(problems)
    return made


def _column(one: Any, header: Sequence[str], wrong: list[str]) -> Column | None:
    try:
        made = Column(**one)
    except TypeError:
        wrong.append(f"columns: {one!r} is no column.")
        return None
    told = f"{made.name}: "
    if made.name not in header:
        wrong.append(f"{told}the file has no such column.")
    if not _TO.fullmatch(str(made.to)):
        wrong.append(
            f"{told}{made.to!r} is no place; use identifiers.KIND, traits.NAME, properties.NAME, timestamp or event."
        )
    if made.kind not in _KINDS or made.order not in _ORDERS or made.decimal not in _DECIMALS:
        wrong.append(f"{told}kinds are {', '.join(_KINDS)}; orders {', '.join(_ORDERS)}; decimal marks . and ,")
    return made


def _case(one: Any, header: Sequence[str], wrong: list[str]) -> Case | None:
    try:
        made = Case(**one)
    except TypeError:
        wrong.append(f"cases: {one!r} is no case.")
        return None
    if made.column not in header or not made.starts_with or not made.event:
        wrong.append(f"cases: name a column of the file, a text and an event ({made.column}).")
    return made


def _whole(made: FileMapping) -> list[str]:
    found = []
    places = [one.to for one in made.columns]
    if made.rows not in ("identify", "track"):
        found.append("rows: say whether rows are people (identify) or events (track).")
    found += [f"{place}: two columns go there." for place in sorted({one for one in places if places.count(one) > 1})]
    if made.rows == "track" and not made.event and "event" not in places:
        found.append("event: name the event, or the column that does.")
    if made.rows == "identify" and any(one.startswith("properties.") or one == "event" for one in places):
        found.append("columns: people have traits; properties and events belong to events.")
    if not any(one.startswith("identifiers.") for one in places):
        found.append("columns: at least one must say who it is (identifiers.…).")
    return found


class RowMapper:
    """Turns rows of a table into items, each as JSON bytes with a message id made of its content."""

    def __init__(self, mapping: FileMapping, header: Sequence[str]) -> None:
        self._mapping, self._width = mapping, len(header)
        place = {name: index for index, name in enumerate(header)}
        self._columns = [(place[one.name], one) for one in mapping.columns]
        self._cases = [(place[one.column], one) for one in mapping.cases]
        self.blank: dict[str, int] = {one.name: 0 for one in mapping.columns}
        self.cases: dict[str, int] = {one.event: 0 for one in mapping.cases}

    def __call__(self, row_number: int, row: Sequence[Any]) -> Judged:
        """(item or None when the row is refused, its event, what is to be said of it)."""
        problems: list[Problem] = []
        if len(row) != self._width:
            told = f"{len(row)} instead of {self._width}"
            return None, "", [Problem(row_number, "", told, "not as many cells as the header has", refused=True)]
        item: dict[str, Any] = {"type": self._mapping.rows}
        if self._mapping.rows == "track":
            item["event"] = self._mapping.event
        fine = True
        for index, column in self._columns:
            text = as_text(row[index])
            if not text:
                self.blank[column.name] += 1
            elif fine:
                fine = _fill(item, row_number, column, row[index], text, problems)
        event = next((one.event for index, one in self._cases if as_text(row[index]).startswith(one.starts_with)), "")
        if event:
            item["event"] = event
            self.cases[event] += 1
        if not fine:
            return None, "", problems
        return _with_id(item), str(item.get("event") or item["type"]), problems


def _fill(
    item: dict[str, Any], row_number: int, column: Column, value: Any, text: str, problems: list[Problem]
) -> bool:  # fmt: skip
    """Put one cell where it belongs and note what is to be said of it; False when the row cannot come in."""
    if _is_broken(text):
        problems.append(_problem(row_number, column, text, "not in the file's encoding", refused=True))
        return False
    read, reason = _read(value, text, column)
    # A row without its time would be told as if it had happened now.
    refused = bool(reason) and column.to == "timestamp"
    if reason:
        problems.append(_problem(row_number, column, text, reason, refused=refused))
    if not refused:
        _put(item, column.to, read)
    return not refused


def _read(value: Any, text: str, column: Column) -> tuple[Any, str]:
    """The cell as its column's kind, and why it is pointed at ("" when it is fine). What cannot be read stays text."""
    try:
        if column.kind == "number":
            found = value if isinstance(value, int | float) and not isinstance(value, bool) else None
            read = found if found is not None else number(text, decimal=column.decimal)
            low, high = column.least is not None and read < column.least, column.most is not None and read > column.most
            return read, "below the range" if low else "above the range" if high else ""
        if column.kind == "date" or column.to == "timestamp":
            return moment(value, text, order=column.order), ""
        if column.kind == "boolean":
            return boolean(text), ""
    except CannotRead as error:
        return text, str(error)
    return text, ""


def _put(item: dict[str, Any], to: str, value: Any) -> None:
    group, _, name = to.partition(".")
    if group in ("timestamp", "event"):
        item[group] = value
    elif group == "properties":
        item.setdefault("properties", {})[name] = value
    elif group == "traits":
        _traits(item)[name] = value
    elif name == "user_id":
        item["userId"] = str(value)
    elif name == "anonymous_id":
        item["anonymousId"] = str(value)
    elif name in _IN_TRAITS:
        _traits(item)[name] = str(value)
    else:
        external = item.setdefault("context", {}).setdefault("externalIds", [])
        external.append({"id": str(value), "type": name, "collection": "users", "encoding": "none"})


def _traits(item: dict[str, Any]) -> dict[str, Any]:
    """Where a call says of whom it is: identify by its traits, others by those of the context."""
    holder = item if item["type"] == "identify" else item.setdefault("context", {})
    found: dict[str, Any] = holder.setdefault("traits", {})
    return found


def _with_id(item: dict[str, Any]) -> bytes:
    """The same content gives the same message id, so a row that comes twice counts once."""
    content = orjson.dumps(item, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return content[:-1] + b',"messageId":"row-' + digest.encode() + b'"}'


def _problem(row: int, column: Column, text: str, reason: str, *, refused: bool) -> Problem:
    shown = text.encode(errors="replace").decode()
    return Problem(row, column.name, shown[:_LONGEST_SHOWN], reason, refused)


def _is_broken(text: str) -> bool:
    """Whether bytes of the file were no text (see `reading`), or nothing that a database can hold."""
    return "\0" in text or not text.isascii() and any("\ud800" <= one <= "\udfff" for one in text)
