"""Periods that others are held against, kept as they were."""

import re
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from common import audit
from insights.kpis.catalogue import SUMS, with_revenue
from insights.kpis.compile import day_of
from insights.kpis.contracts import BadKpi, BaselineView, Period
from insights.kpis.models import KpiBaseline, KpiDay
from insights.settings import setting

_NAME = re.compile(r"\S(.{0,78}\S)?")


@transaction.atomic
def keep_baseline(*, name: str, period: Period, by: str, now: datetime, via: str = "ui") -> BaselineView:
    """Keep the sums of a period of closed days under a name; another one of that name goes. Raises BadKpi."""
    name = " ".join(name.split())
    if not _NAME.fullmatch(name):
        raise BadKpi("name: say in at most 80 letters what the baseline is called.")
    if period.last >= day_of(now, setting().orders.zone):
        raise BadKpi("to: a baseline is of days that have ended.")
    rows = KpiDay.objects.filter(day__range=(period.first, period.last), by="")
    sums = with_revenue(rows.aggregate(**{one: Sum(one) for one in SUMS}))
    if not any(sums.values()):
        raise BadKpi("from: nothing is counted of these days.")
    row, _ = KpiBaseline.objects.update_or_create(
        name=name,
        defaults={"first": period.first, "last": period.last, "sums": sums, "kept_by": by, "kept_at": now},
    )
    audit.record(
        actor=by, via=via, action="insights.baseline", object_type="baseline", object_id=row.pk, at=now,
        summary=f"Kept the baseline {name}", after={"from": f"{period.first}", "to": f"{period.last}"},
    )  # fmt: skip
    return _view(row)


@transaction.atomic
def remove_baseline(*, name: str, by: str, now: datetime, via: str = "ui") -> None:
    """Forget a baseline. Raises BadKpi when there is none of that name."""
    row = KpiBaseline.objects.filter(name=name).first()
    if row is None:
        raise BadKpi(f"baseline: there is none called {name}.")
    audit.record(
        actor=by, via=via, action="insights.baseline_removed", object_type="baseline", object_id=row.pk, at=now,
        summary=f"Removed the baseline {name}", before={"from": f"{row.first}", "to": f"{row.last}"}, after=None,
    )  # fmt: skip
    row.delete()


def baselines() -> list[BaselineView]:
    """Every baseline, by name."""
    return [_view(row) for row in KpiBaseline.objects.order_by("name")]


def baseline(name: str) -> BaselineView:
    """One baseline. Raises BadKpi when there is none of that name."""
    row = KpiBaseline.objects.filter(name=name).first()
    if row is None:
        raise BadKpi(f"baseline: there is none called {name}.")
    return _view(row)


def _view(row: KpiBaseline) -> BaselineView:
    return BaselineView(row.name, Period(row.first, row.last), row.sums, row.kept_by, row.kept_at)
