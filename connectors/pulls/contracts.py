"""What this package takes and hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LEAST_MINUTES, MOST_MINUTES = 1, 7 * 24 * 60


class NotPossible(ValueError):
    """The act does not fit the state of the pull; the message says why."""


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. `rows` is the sum of `items`, `refused` and `unchanged`; `gone` counts those of earlier runs."""

    id: int
    state: str
    rows: int
    items: int
    refused: int
    unchanged: int
    gone: int
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class PullView:
    """The pull of a source. `problem` says in words why it is not read, if so.

    `read_until` is the cursor of the last row that is in, and `newest` the newest there was when the run under way
    began (both as text; empty where there is no cursor). `behind_seconds` is the time between them, for cursors that
    are times.
    """

    id: int
    source_id: int
    kind: str
    kind_label: str
    name: str
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    mapping: Mapping[str, Any]
    every_minutes: int
    enabled: bool
    problem: str
    next_pull_at: datetime | None
    caught_up_at: datetime | None
    read_until: str
    newest: str
    behind_seconds: float | None
    runs: Sequence[RunView]

    @property
    def held(self) -> bool:
        """Whether the last run told nothing of rows that are gone, because they are too many."""
        return bool(self.runs) and self.runs[0].state == "held"

    @property
    def state(self) -> str:
        """`draft` (no mapping yet), `paused`, `reading` or `waiting` (for its next time)."""
        if not self.mapping:
            return "draft"
        if not self.enabled:
            return "paused"
        return "reading" if self.runs and self.runs[0].finished_at is None else "waiting"


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One row and the items it would become, and why something of it would not come in."""

    cells: Sequence[str]
    items: Sequence[Mapping[str, Any]]
    problem: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows, with the mapping by which they were read (a suggested one when none was given)."""

    header: Sequence[str]
    mapping: Mapping[str, Any]
    rows: Sequence[PreviewRow]
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tested:
    """How a test went, in words."""

    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one turn did; `done` when everything that was there is in."""

    rows: int = 0
    items: int = 0
    refused: int = 0
    unchanged: int = 0
    gone: int = 0
    done: bool = False
    problem: str = field(default="")
