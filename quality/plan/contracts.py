"""What this package hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


class BadSchema(ValueError):
    """A schema that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class PropertyView:
    """A property as it was seen: its types with how often each, in how many of the events that were looked at."""

    path: str
    types: Mapping[str, int]
    share: float
    example: str
    pii: str
    drifts: bool


@dataclass(frozen=True, slots=True)
class PlannedView:
    """An event of the catalogue: seen, decided about, or both."""

    name: str
    status: str
    description: str
    owner: str
    schema: Mapping[str, Any]
    version: int
    changed_by: str
    changed_at: datetime | None
    looked_at: int
    last_at: datetime | None
    source_ids: Sequence[int]
    violations: int
    hints: Sequence[str]


@dataclass(frozen=True, slots=True)
class ViolationView:
    """What did not fit on one day."""

    source_id: int
    name: str
    kind: str
    pointer: str
    day: date
    count: int
    last_at: datetime
    sample: str


@dataclass(frozen=True, slots=True)
class EnforcementView:
    """What becomes of what does not fit."""

    unplanned: str = "allow"
    invalid: str = "allow"

    @property
    def is_on(self) -> bool:
        return self.unplanned != "allow" or self.invalid != "allow"
