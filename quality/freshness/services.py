"""Keeping limits, and raising an alert when one is passed."""

import zoneinfo
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Max

from common import audit
from quality.figures.alerts import Finding, keep_findings
from quality.figures.models import DayFigure, QualityAlert
from quality.freshness.contracts import BadLimit, LimitView
from quality.freshness.judging import MOST_MINUTES, Hours, passed
from quality.freshness.models import FreshnessLimit

_Last = dict[tuple[int, str], datetime]


@transaction.atomic
def keep_limit(
    *, source_id: int, event: str, minutes: int, weekdays: Sequence[int] = (), from_hour: int = 0, to_hour: int = 0,
    time_zone: str = "UTC", by: str, now: datetime, via: str = "ui",
) -> int:  # fmt: skip
    """Set a limit, in place of the one about the same events; answers its id. Raises BadLimit."""
    if not 1 <= minutes <= MOST_MINUTES:
        raise BadLimit("minutes: choose from a minute to thirty days.")
    if any(not 1 <= one <= 7 for one in weekdays):
        raise BadLimit("weekdays: from 1 (Monday) to 7 (Sunday).")
    if not (0 <= from_hour <= 23 and 0 <= to_hour <= 24):
        raise BadLimit("from_hour: hours of the day, from 0 to 24.")
    if time_zone not in zoneinfo.available_timezones():
        raise BadLimit("time_zone: there is no such zone; write it as Europe/Berlin.")
    row, _ = FreshnessLimit.objects.update_or_create(
        source_id=source_id, name=event.strip()[:500], defaults={
            "minutes": minutes, "weekdays": sorted(set(weekdays)), "from_hour": from_hour, "to_hour": to_hour,
            "time_zone": time_zone, "changed_by": by, "changed_at": now,
        },
    )  # fmt: skip
    _record(row, "freshness.kept", "Set a limit of freshness", by=by, via=via, now=now)
    return row.pk


@transaction.atomic
def drop_limit(*, limit_id: int, by: str, now: datetime, via: str = "ui") -> bool:
    """Take a limit back; its alert passes with the next look. Whether there was one."""
    row = FreshnessLimit.objects.select_for_update().filter(pk=limit_id).first()
    if row is None:
        return False
    _record(row, "freshness.dropped", "Took a limit of freshness back", by=by, via=via, now=now)
    row.delete()
    return True


def _record(row: FreshnessLimit, action: str, summary: str, *, by: str, via: str, now: datetime) -> None:
    names = ("source_id", "name", "minutes", "weekdays", "from_hour", "to_hour", "time_zone")
    audit.record(
        actor=by, via=via, action=action, object_type="freshness_limit", object_id=row.pk, at=now, summary=summary,
        after={name: getattr(row, name) for name in names},
    )  # fmt: skip


def check_limits(*, now: datetime) -> int:
    """Raise alerts for limits that are passed, and close those of which events came again; answers how many were
    raised. Safe to repeat."""
    found = []
    for one in limits(now=now):
        if one.passed:
            since = one.last_at or one.changed_at
            told = f"An event is expected at least every {one.every}; the last came on {since:%-d %B, %H:%M} UTC."
            if one.last_at is None:
                told = f"An event is expected at least every {one.every}; none came yet."
            found.append(Finding(QualityAlert.Kind.LIMIT, one.source_id, one.event, since.date(), told))
    return keep_findings(found, kinds={QualityAlert.Kind.LIMIT}, now=now)


def limits(*, now: datetime, source_id: int | None = None, limit_id: int | None = None) -> list[LimitView]:
    """Limits with when the last event came and whether they are passed, by source and event."""
    rows = FreshnessLimit.objects.order_by("source_id", "name")
    rows = rows if source_id is None else rows.filter(source_id=source_id)
    rows = rows if limit_id is None else rows.filter(pk=limit_id)
    found = list(rows)
    last = _last(found)
    return [_view(one, last.get((one.source_id, one.name)), now) for one in found]


def _view(one: FreshnessLimit, last: datetime | None, now: datetime) -> LimitView:
    hours = Hours(tuple(one.weekdays), one.from_hour, one.to_hour, one.time_zone)
    # Of what never came, the time runs from when the limit was set.
    is_passed = passed(hours, one.minutes, last=last or one.changed_at, now=now)
    return LimitView(
        one.pk, one.source_id, one.name, one.minutes, one.weekdays, one.from_hour, one.to_hour, one.time_zone,
        one.changed_by, one.changed_at, last, is_passed,
    )  # fmt: skip


def _last(rows: Sequence[FreshnessLimit]) -> _Last:
    """When the last event came: of each event that a limit names, and of each source."""
    if not rows:
        return {}
    figures = DayFigure.objects.filter(source_id__in={one.source_id for one in rows})
    newest: _Last = {}
    for source, name, at in figures.values_list("source_id", "name").annotate(at=Max("last_at")):
        newest[source, name] = at
        newest[source, ""] = max(newest.get((source, ""), at), at)
    return newest
