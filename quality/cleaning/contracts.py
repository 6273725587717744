"""What this package hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any


class BadRule(ValueError):
    """A rule, list or file of rates that cannot be used; the message says why. `field` is where it is wrong."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class Definition:
    """What a rule says. `source_id` None: every source; `event` empty: every event. `path` is a JSON pointer into the
    properties or traits, with `*` for each element of a list."""

    name: str
    scope: str
    path: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    source_id: int | None = None
    event: str = ""
    then: str = "flag"
    instead: Any = None
    # Only where another property says so: {"path": "/country", "relation": "is", "values": ["DE"]}.
    when: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule in its place among the others; `says` is the rule as a sentence."""

    id: int
    position: int
    version: int
    state: str
    definition: Definition
    says: str
    changed_by: str
    changed_at: datetime
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class VersionView:
    """A rule as it was."""

    version: int
    state: str
    position: int
    definition: Definition
    says: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """What one value was and became. Masked when it looks personal."""

    message_id: str
    pointer: str
    before: str
    after: str
    outcome: str = ""

    @property
    def field(self) -> str:
        """The name of the innermost key, by which personal data is known."""
        return self.pointer.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class EffectView:
    """What a rule did on one day with one event of one source."""

    rule_id: int
    version: int
    source_id: int
    event: str
    pointer: str
    outcome: str
    day: date
    count: int
    last_at: datetime
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have done to recent events: how many were looked at and had a value, what becomes of them."""

    looked_at: int
    found: int
    counts: Mapping[str, int]
    samples: Sequence[Sample]


@dataclass(frozen=True, slots=True)
class ListView:
    """A list that values are held against."""

    slug: str
    name: str
    size: int
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class RatesView:
    """The rates that are known: of how many currencies, and from when to when."""

    currencies: int
    days: int
    first: date | None
    last: date | None


@dataclass(frozen=True, slots=True)
class ReviewView:
    """A value that waits for a person, or what was decided about it."""

    id: int
    rule_id: int
    rule_name: str
    says: str
    source_id: int
    event: str
    pointer: str
    value: Any
    message_id: str
    quarantined_id: int
    state: str
    corrected: Any
    at: datetime
    settled_by: str
    settled_at: datetime | None

    @property
    def field(self) -> str:
        """The name of the innermost key, by which personal data is known."""
        return self.pointer.rpartition("/")[2]
