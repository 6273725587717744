"""What a feature is. No Django."""

from dataclasses import dataclass
from datetime import datetime


class BadFeature(ValueError):
    """A feature that cannot be; the message says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One fact about a person at an instant.

    `sql` is an aggregate over the rows of `relation` (see `compile`), with names in braces for bound values. `empty` is
    the value of somebody of whom that relation has nothing: None is "not known". `skewed` numbers are looked at on a
    logarithmic scale where distances matter.
    """

    name: str
    title: str
    description: str
    relation: str
    sql: str
    type: str = "number"
    unit: str = ""
    window_days: int | None = None
    owner: str = "built in"
    empty: float | None = None
    skewed: bool = False
    high: str = ""
    low: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredView:
    """A feature that somebody here declared: a measure of the events of one name, or a trait as it was told."""

    name: str
    title: str
    description: str
    owner: str
    measure: str
    event: str
    property: str
    window_days: int | None
    changed_by: str
    changed_at: datetime
