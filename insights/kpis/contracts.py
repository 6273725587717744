"""Shapes of KPIs. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

Sums = Mapping[str, float]

# What an annotation may tell of. People write notes; the other kinds are told by the part of the product that did it.
ANNOTATION_KINDS = {
    "note": "Note", "campaign": "Campaign", "experiment": "Experiment", "model": "Model", "policy": "Policy",
    "segment": "Segment", "other": "Other",
}  # fmt: skip
BREAKDOWNS = {"": "nothing", "segment": "segment", "channel": "channel", "source": "source"}


class BadKpi(ValueError):
    """What was asked of KPIs cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class Kpi:
    """One KPI: `times` the sum of `over` days' `top`, divided by that of `bottom`; by the number of days when `bottom`
    is "day", by nothing when it is empty. `better` is 1 when more is better, 0 when neither is. `unit`: money, share,
    points, minutes or empty for counts."""

    key: str
    title: str
    top: str
    bottom: str
    unit: str
    formula: str
    times: float = 1.0
    better: int = 1
    main: bool = False

    def of(self, sums: Sums, days: int) -> float | None:
        """The value of a period; None where there is nothing to divide by."""
        top = sums.get(self.top, 0.0)
        if not self.bottom:
            return self.times * top
        bottom = float(days) if self.bottom == "day" else sums.get(self.bottom, 0.0)
        return self.times * top / bottom if bottom else None


@dataclass(frozen=True, slots=True)
class Period:
    """Days from `first` to `last`, both of them in it."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class KpiValue:
    """A KPI over a period, beside another period and a baseline. `change` and `against_baseline` are relative (0.1 is a
    tenth more); None where there is nothing to hold against. Sums are held against sums a day."""

    kpi: Kpi
    value: float | None
    before: float | None
    baseline: float | None
    change: float | None
    against_baseline: float | None


@dataclass(frozen=True, slots=True)
class KpiGroup:
    """One value of a breakdown: what is called so, and its KPIs in the order of the catalogue."""

    key: str
    name: str
    values: Sequence[KpiValue]


@dataclass(frozen=True, slots=True)
class AnnotationView:
    """Something that happened here. `link` is an address of this product, or empty."""

    id: int
    at: datetime
    kind: str
    text: str
    link: str
    made_by: str


@dataclass(frozen=True, slots=True)
class BaselineView:
    """A kept period: its sums are those of when it was kept."""

    name: str
    period: Period
    sums: Sums
    kept_by: str
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class KpiReport:
    """KPIs of a period. `days`: the value of each KPI by day, of everybody. `counted_at` is None before the first
    counting; `open_day` is the day that has not ended by the clocks of the workspace."""

    period: Period
    compared: Period | None
    baseline: BaselineView | None
    values: Sequence[KpiValue]
    groups: Sequence[KpiGroup]
    days: Mapping[str, Sequence[tuple[date, float | None]]]
    days_before: Mapping[str, Sequence[tuple[date, float | None]]]
    annotations: Sequence[tuple[date, AnnotationView]]
    zone: str
    counted_at: datetime | None
    open_day: date
    currency: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
