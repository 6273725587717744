"""Shapes of cohorts. No Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

PERIODS = {"month": "months", "week": "weeks"}


@dataclass(frozen=True, slots=True)
class CohortCell:
    """One period after the first: who ordered again, which share of the cohort that is, and the net value."""

    people: int
    share: float
    monetary: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """The people whose first order was in one period. `cells` begin with that period and hold closed ones only."""

    start: date
    people: int
    cells: Sequence[CohortCell]


@dataclass(frozen=True, slots=True)
class CohortsView:
    """The newest triangle. `currency` is empty when orders name none."""

    run_id: int
    as_of: datetime
    zone: str
    period: str
    currency: str
    cohorts: Sequence[Cohort]
