"""KPIs of a period out of the figures of its days."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Sum

from connectors import selectors as connectors
from insights.kpis.annotating import annotations
from insights.kpis.baselines import baseline
from insights.kpis.catalogue import KPIS, SUMS, with_revenue
from insights.kpis.channels import CHANNELS
from insights.kpis.compile import between, day_of, midnight
from insights.kpis.contracts import BREAKDOWNS, BadKpi, BaselineView, Kpi, KpiGroup, KpiReport, KpiValue, Period, Sums
from insights.kpis.models import KpiDay, KpiState
from insights.kpis.periods import compared_with, period_of
from insights.settings import setting
from segments import selectors as segments

_MOST_GROUPS = 50


def kpi_report(
    *, now: datetime, first: date | None = None, last: date | None = None, days: int | None = None,
    compare: str = "before", by: str = "", baseline_name: str = "",
) -> KpiReport:  # fmt: skip
    """Every KPI over a period, beside another period and a baseline, by day and by breakdown. Raises BadKpi."""
    if by not in BREAKDOWNS:
        raise BadKpi(f"by: choose one of {', '.join(one for one in BREAKDOWNS if one)}.")
    orders = setting().orders
    today = day_of(now, orders.zone)
    period = period_of(first=first, last=last, days=days, today=today)
    before = compared_with(period, compare)
    kept = baseline(baseline_name) if baseline_name else None
    state = KpiState.objects.filter(pk=1).first()
    until = midnight(period.last + timedelta(days=1), orders.zone)
    told = annotations(since=midnight(period.first, orders.zone), until=until)
    noted = [(day_of(one.at, orders.zone), one) for one in reversed(told)]
    return KpiReport(
        period=period, compared=before, baseline=kept,
        values=values(_sums(period), period, _sums(before) if before else None, before, kept),
        groups=_groups(by, period, before) if by else (),
        days=_by_day(period), days_before=_by_day(before) if before else {},
        annotations=noted, zone=orders.zone,
        counted_at=state.counted_at if state else None, open_day=today, currency=state.currency if state else "",
        names=names_of(by) if by else {},
    )  # fmt: skip


def values(
    sums: Sums, period: Period, sums_before: Sums | None, before: Period | None, kept: BaselineView | None
) -> list[KpiValue]:
    """Every KPI of these sums, beside those of before and of a baseline."""
    found = []
    for kpi in KPIS.values():
        value = kpi.of(sums, period.days)
        then = kpi.of(sums_before, before.days) if sums_before is not None and before else None
        base = kpi.of(kept.sums, kept.period.days) if kept else None
        # Periods have different lengths: what is a sum is held against the sum of as many days.
        if kept and base is not None and not kpi.bottom:
            base *= period.days / kept.period.days
        found.append(KpiValue(kpi, value, then, base, change(kpi, value, then), change(kpi, value, base)))
    return found


def change(kpi: Kpi, value: float | None, then: float | None) -> float | None:
    """How much more or less; of points, how many. None where there is nothing to hold against."""
    if value is None or then is None:
        return None
    if kpi.unit == "points":
        return value - then
    return (value - then) / abs(then) if then else None


def _sums(period: Period) -> dict[str, float]:
    rows = KpiDay.objects.filter(day__range=(period.first, period.last), by="")
    return with_revenue(rows.aggregate(**{name: Sum(name) for name in SUMS}))


def _by_day(period: Period) -> dict[str, list[tuple[date, float | None]]]:
    rows = KpiDay.objects.filter(day__range=(period.first, period.last), by="").values("day", *SUMS)
    sums = {row["day"]: with_revenue(row) for row in rows}
    days = between(period.first, period.last)
    return {kpi.key: [(day, kpi.of(sums.get(day, {}), 1)) for day in days] for kpi in KPIS.values()}


def _groups(by: str, period: Period, before: Period | None) -> list[KpiGroup]:
    now_by, then_by = _sums_by_key(by, period), _sums_by_key(by, before) if before else {}
    names = names_of(by)
    keys = sorted(now_by, key=lambda key: (-now_by[key].get("people", 0), key))
    return [
        KpiGroup(key, names.get(key, f"deleted ({key})"), values(
            now_by[key], period, then_by.get(key, {}) if before else None, before, None))
        for key in keys[:_MOST_GROUPS]
    ]  # fmt: skip


def _sums_by_key(by: str, period: Period) -> dict[str, dict[str, float]]:
    rows = KpiDay.objects.filter(day__range=(period.first, period.last), by=by).values("key")
    return {row["key"]: with_revenue(row) for row in rows.annotate(**{name: Sum(name) for name in SUMS})}


def names_of(by: str) -> Mapping[str, str]:
    """What the values of a breakdown are called."""
    match by:
        case "segment":
            return {str(one.id): one.name for one in segments.segments()}
        case "source":
            return {"0": "no source", **{str(key): name for key, name in connectors.source_names().items()}}
        case "channel":
            return CHANNELS
        case _:
            return {}


def kpi_days(
    *, kpi: Kpi, period: Period, by: str = ""
) -> Sequence[tuple[date, str, str, float | None, float, float]]:  # fmt: skip
    """(day, key, name, value, numerator, denominator) by day and value of the breakdown: what a file holds."""
    names = names_of(by)
    rows: Any = KpiDay.objects.filter(day__range=(period.first, period.last), by=by).order_by("day", "key")
    found = []
    for row in rows.values("day", "key", *SUMS):
        sums = defaultdict(float, with_revenue(row))
        bottom = 1.0 if kpi.bottom in ("", "day") else sums[kpi.bottom]
        found.append((row["day"], row["key"], names.get(row["key"], ""), kpi.of(sums, 1), sums[kpi.top], bottom))
    return found


def asked_period(*, now: datetime, first: date | None, last: date | None, days: int | None) -> Period:
    """The days that are meant, by the clocks of the workspace. Raises BadKpi."""
    return period_of(first=first, last=last, days=days, today=day_of(now, setting().orders.zone))
