"""What this package takes and hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt


class UnreadableFile(ValueError):
    """The file cannot be read as a table; the message says what to do."""


class BadMapping(ValueError):
    """The mapping cannot be used; `problems` names each place."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read. `kind`: csv, ndjson, xlsx or parquet; what does not fit the kind is empty."""

    kind: str
    compression: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str = ""
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a mapping: where it goes, as what, and the range outside of which it is pointed at.

    `to`: `identifiers.KIND`, `traits.NAME`, `properties.NAME`, `timestamp`, `event` or `group_id`. `kind`: text,
    number, date or boolean. `order`: of a date's parts (dmy, mdy, ymd); `decimal`: the mark of a number's fraction.
    """

    name: str
    to: str
    kind: str = "text"
    order: str = "ymd"
    decimal: str = "."
    least: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Another event for rows whose column begins with some text."""

    column: str
    starts_with: str
    event: str


@dataclass(frozen=True, slots=True)
class ItemMapping:
    """One item that each row becomes: what it is (`identify`, `track`, `group`), its event unless a column or a case
    says another, and the columns."""

    rows: str
    columns: tuple[Column, ...]
    event: str = ""
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class FileMapping:
    """The items that each row becomes; or the name of a known format (`preset`), which needs none."""

    items: tuple[ItemMapping, ...]
    preset: str = ""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of all items."""
        return tuple(column for item in self.items for column in item.columns)


def items_given(mapping: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of a mapping as it is kept: a list of them (`items`), or itself the only one."""
    found = mapping.get("items", [mapping])
    return list(found) if isinstance(found, list | tuple) else [{}]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one row: `refused` ones did not come in, `flagged` ones did. `row` counts from 1."""

    row: int
    column: str
    value: str
    reason: str
    refused: bool


@dataclass(slots=True)
class Made:
    """The items of a slice of rows: of each the place of its row in the slice, its JSON, and its event; and what is to
    be said of the rows."""

    places: list[int] = field(default_factory=list)
    items: list[bytes] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, place: int, item: bytes, event: str) -> None:
        """One more item."""
        self.places.append(place)
        self.items.append(item)
        self.events.append(event)


@dataclass(slots=True)
class Counts:
    """What became of the rows. `rows` is the sum of `good`, `duplicates` and all in `refused`; `events` counts the
    items that they became, of which a row may have several.

    `blank` counts the empty cells of each mapped column and `cases` the rows of each case, of all rows alike; `columns`
    are `ColumnReport`s of every column of the file, as JSON, once all rows were seen.
    """

    rows: int = 0
    good: int = 0
    duplicates: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    blank: dict[str, int] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)
    columns: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Extreme:
    """A number at the end of its column, and the row in which it stands."""

    value: float
    row: int


@dataclass(frozen=True, slots=True)
class NumbersReport:
    """The numbers of a column. `lower` and `upper` are the quartiles; `below` and `above` count what lies beyond the
    fences, three interquartile ranges outside of them (none when the quartiles are equal). Unless `exact`, quartiles
    and what is counted by them are of numbers kept to three digits."""

    least: float
    lower: float
    median: float
    upper: float
    greatest: float
    low_fence: float | None
    high_fence: float | None
    below: int
    above: int
    negative: int
    zero: int
    exact: bool
    extremes: Sequence[Extreme]


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One column of a file: empty cells, and how many of the others read as number, date, boolean or text."""

    name: str
    blank: int
    kinds: Mapping[str, int]
    numbers: NumbersReport | None


@dataclass(frozen=True, slots=True)
class ImportView:
    """One import. `checked` is what the dry run counted; `counts` what the run did."""

    id: int
    source_id: int
    file_name: str
    file_size: int | None
    layout: Layout
    header: Sequence[str]
    mapping: Mapping[str, Any]
    state: str
    dry: bool
    checked: Counts | None
    counts: Counts | None
    has_problems: bool
    job_id: int | None
    error: str
    created_by: str
    created_at: datetime
    finished_at: datetime | None
    undo_state: str = ""
    undo_job_id: int | None = None
    undo_error: str = ""
    undone: Mapping[str, int] | None = None
    can_be_undone: bool = False

    @property
    def at_work(self) -> bool:
        return self.state == "waiting" or self.undo_is_open

    @property
    def undo_is_open(self) -> bool:
        return self.undo_state in ("counting", "undoing")


@dataclass(frozen=True, slots=True)
class Undo:
    """An undo that somebody asked for; when it is `dry` it only counts. `counts`: what was taken back so far."""

    import_id: int
    source_id: int
    file_name: str
    dry: bool
    job_id: int
    requested_at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Marks:
    """By what the events of an import are known in the log: the hash of each message (ascending), and when it was
    received (microseconds). `others`: when other imports of the source brought the same message. What was received
    before `since` or after `until` is none of this import."""

    source_id: int
    since: datetime
    until: datetime
    hashes: npt.NDArray[np.uint64]
    received_us: npt.NDArray[np.int64]
    others: Mapping[int, Sequence[int]]
