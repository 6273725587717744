"""What is asked of KPIs in the address of a page, and how their values are written."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict

from cdp.templatetags.cdp_web import percent
from insights.contracts import BadKpi, Kpi, KpiReport, KpiValue


@dataclass(frozen=True, slots=True)
class Asked:
    """A period with what it is held against and broken down by, as the address names them."""

    days: int | None = 28
    first: date | None = None
    last: date | None = None
    compare: str = "before"
    by: str = ""
    baseline: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> "Asked":
        """Raises BadKpi for a day or a length that is none."""
        first, last = (_day(query.get(name, ""), name) for name in ("from", "to"))
        told = query.get("days", "")
        if told and not (told.isdecimal() and 0 < len(told) < 5 and int(told)):
            raise BadKpi("days: give a number of days.")
        return cls(
            days=None if first else int(told or 28), first=first, last=last,
            compare=query.get("compare", "") or "before", by=query.get("by", ""), baseline=query.get("baseline", ""),
        )  # fmt: skip

    def arguments(self) -> dict[str, Any]:
        """What the selector takes."""
        return {
            "days": self.days, "first": self.first, "last": self.last, "compare": self.compare, "by": self.by,
            "baseline_name": self.baseline,
        }  # fmt: skip

    def query(self) -> str:
        """The same, for the address of another page."""
        told = {
            "days": self.days or "", "from": self.first or "", "to": self.last or "", "compare": self.compare,
            "by": self.by, "baseline": self.baseline,
        }  # fmt: skip
        return urlencode({name: value for name, value in told.items() if value})


def _day(told: str, name: str) -> date | None:
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise BadKpi(f"{name}: give a day, such as 2026-01-31.") from None


@dataclass(frozen=True, slots=True)
class Shown:
    """A KPI as a tile or a row shows it. `good` is None when it neither rose nor fell, or when neither is better."""

    kpi: Kpi
    value: str
    change: str
    good: bool | None
    rose: bool | None
    baseline: str


def shown(one: KpiValue, currency: str = "") -> Shown:
    """The value in words, with how much more or less it is."""
    rose = None if one.change is None or abs(one.change) < 5e-4 else one.change > 0
    good = None if rose is None or not one.kpi.better else rose == (one.kpi.better > 0)
    return Shown(
        one.kpi, written(one.kpi, one.value, currency), changed(one.kpi, one.change), good, rose,
        changed(one.kpi, one.against_baseline),
    )  # fmt: skip


def written(kpi: Kpi, value: float | None, currency: str = "") -> str:
    """A value as people read it."""
    if value is None:
        return "–"
    match kpi.unit:
        case "share":
            return percent(value)
        case "money":
            return f"{value:,.2f} {currency}".strip() if abs(value) < 1e5 else f"{value:,.0f} {currency}".strip()
        case "minutes":
            return f"{value:,.1f} min"
        case "points":
            return f"{value:+.0f}"
        case _:
            return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:,.1f}"


def changed(kpi: Kpi, change: float | None) -> str:
    """How much more or less, with its sign."""
    if change is None:
        return "–"
    return f"{change:+.0f} points" if kpi.unit == "points" else f"{100 * change:+.1f} %"


def rows(report: KpiReport) -> list[Shown]:
    """Every KPI of a report."""
    return [shown(one, report.currency) for one in report.values]
