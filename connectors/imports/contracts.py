"""What this package takes and hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


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

    `to`: `identifiers.KIND`, `traits.NAME`, `properties.NAME`, `timestamp` or `event`. `kind`: text, number, date or
    boolean. `order`: of a date's parts (dmy, mdy, ymd); `decimal`: the mark of a number's fraction.
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
class FileMapping:
    """What rows are (`identify` or `track`), their event unless a column or a case says another, and the columns."""

    rows: str
    columns: tuple[Column, ...]
    event: str = ""
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about one row: `refused` ones did not come in, `flagged` ones did. `row` counts from 1."""

    row: int
    column: str
    value: str
    reason: str
    refused: bool


@dataclass(slots=True)
class Counts:
    """What became of the rows. `rows` is the sum of `good`, `duplicates` and all in `refused`.

    `blank` counts the empty cells of each mapped column and `cases` the rows of each case, of all rows alike.
    """

    rows: int = 0
    good: int = 0
    duplicates: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    flagged: dict[str, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    blank: dict[str, int] = field(default_factory=dict)
    cases: dict[str, int] = field(default_factory=dict)


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

    @property
    def at_work(self) -> bool:
        return self.state == "waiting"
