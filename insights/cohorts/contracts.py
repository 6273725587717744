"""Shapes of cohorts. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from insights.funnels.contracts import BadFunnel, Step, step_of

PERIODS = {"month": "months", "week": "weeks"}
BACK = {"again": "did the same again", "orders": "ordered", "any": "did anything"}


class BadCohorts(ValueError):
    """Cohorts that cannot be counted; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class CohortSpec:
    """People by the period in which they first did `first`, and who of them is seen in a later one: `back` is to do the
    same again, to order, or to do anything at all."""

    first: Step
    back: str = "again"

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "CohortSpec":
        """From an event, its conditions (`where`) and `back`. Raises BadCohorts."""
        try:
            first = step_of({"event": told.get("event", ""), "where": told.get("where", ())})
        except BadFunnel as wrong:
            field = "where" if told.get("event") else "event"
            raise BadCohorts(f"{field}: {str(wrong).removeprefix('steps: ')}") from None
        found = cls(first, told.get("back") or "again")
        found.check()
        return found

    def check(self) -> None:
        """Raises BadCohorts."""
        if self.back not in BACK:
            raise BadCohorts(f"back: choose one of {', '.join(BACK)}.")


@dataclass(frozen=True, slots=True)
class CohortCell:
    """One period: who of the cohort came back in it, which share that is, and the net value of their orders."""

    people: int
    share: float
    monetary: float


@dataclass(frozen=True, slots=True)
class Cohort:
    """The people who began in one period. `cells` begin with that period and hold closed ones only."""

    start: date
    people: int
    cells: Sequence[CohortCell]


@dataclass(frozen=True, slots=True)
class CohortsView:
    """A triangle: the newest of a run, or one that was counted when somebody asked. `currency` is empty when orders
    name none."""

    run_id: int | None
    as_of: datetime
    zone: str
    period: str
    currency: str
    cohorts: Sequence[Cohort]
