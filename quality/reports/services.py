"""Writing the month's reports once it is over."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Sum

from quality.alerting.notices import note_reports
from quality.figures.models import DayFigure, QualityAlert
from quality.figures.selectors import fill_by_property
from quality.plan.models import PlannedEvent, PlanVersion, Violation
from quality.reports.contracts import ReportView
from quality.reports.models import PlanReport

_NUMBERS = ("volume", "judged", "faulty", "set_aside", "duplicates", "lookalikes")
_TOP = 5


@transaction.atomic
def write_reports(*, now: datetime) -> int:
    """The reports of the month that is over, one an owner, unless they were written; answers how many. Safe to repeat:
    two workers at once write each report once."""
    last = now.date().replace(day=1) - timedelta(days=1)
    month = last.replace(day=1)
    if PlanReport.objects.filter(month=month).exists():
        return 0
    versions = dict(
        PlanVersion.objects.filter(at__date__lte=last).values_list("name").annotate(newest=Max("version"))
    )  # fmt: skip
    by_owner: dict[str, list[PlannedEvent]] = defaultdict(list)
    # What was planned later only has nothing to tell of this month.
    for row in PlannedEvent.objects.filter(status=PlannedEvent.Status.ACCEPTED, name__in=versions).order_by("name"):
        by_owner[row.owner].append(row)
    made = PlanReport.objects.bulk_create(
        [
            PlanReport(
                month=month,
                owner=owner,
                events=[_told(row, versions[row.name], month, last) for row in rows],
                written_at=now,
            )
            for owner, rows in by_owner.items()
        ],
        ignore_conflicts=True,
    )
    note_reports(PlanReport.objects.filter(month=month), now=now)
    return len(made)


def _told(row: PlannedEvent, version: int, first: date, last: date) -> dict[str, Any]:
    within = {"name": row.name, "day__gte": first, "day__lte": last}
    numbers = DayFigure.objects.filter(**within).aggregate(**{name: Sum(name) for name in _NUMBERS})
    told: dict[str, Any] = {name: int(numbers[name] or 0) for name in _NUMBERS}
    worst = Violation.objects.filter(**within).values("kind", "pointer").annotate(total=Sum("count"))
    fill = [late for path, late, _ in fill_by_property(since=first, split=first, until=last, name=row.name)
            if late is not None and path.count("/") == 1]  # fmt: skip
    return {
        "event": row.name, "version": version, **told,
        "changes": PlanVersion.objects.filter(name=row.name, at__date__gte=first, at__date__lte=last).count(),
        "validity": 1 - told["faulty"] / told["judged"] if told["judged"] else None,
        "fill": sum(fill) / len(fill) if fill else None,
        "alerts": QualityAlert.objects.filter(**within).count(),
        "violations": [
            {"kind": one["kind"], "pointer": one["pointer"], "count": int(one["total"])}
            for one in worst.order_by("-total", "pointer")[:_TOP]
        ],
    }  # fmt: skip


def plan_reports(*, month: date | None = None, owner: str | None = None) -> list[ReportView]:
    """Reports, the newest first, by owner; of a month or an owner when asked."""
    rows = PlanReport.objects.order_by("-month", "owner")
    rows = rows if month is None else rows.filter(month=month)
    rows = rows if owner is None else rows.filter(owner=owner)
    return [ReportView(row.pk, row.month, row.owner, row.events, row.written_at) for row in rows[:1_000]]


def report_months() -> list[date]:
    """The months of which there are reports, the newest first."""
    return list(PlanReport.objects.order_by("-month").values_list("month", flat=True).distinct())
