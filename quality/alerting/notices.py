"""Noting what is to be told, in the transaction in which it came about: nothing is told that was rolled back, and
nothing that stands is forgotten."""

from collections.abc import Iterable
from datetime import datetime

from common.models import User
from quality.alerting.models import AlertNotice, AlertRecipient
from quality.figures.models import QualityAlert
from quality.reports.models import PlanReport


def note_alerts(alerts: Iterable[QualityAlert], what: AlertNotice.What, *, now: datetime) -> None:
    """These were raised, or have passed: for everybody who asked to hear of their kind and source."""
    found = list(alerts)
    if not found:
        return
    recipients = list(AlertRecipient.objects.filter(alerts=True))
    AlertNotice.objects.bulk_create(
        AlertNotice(recipient=one, what=what, alert=alert, at=now)
        for alert in found for one in recipients
        # An alert without a source is about no single one of them.
        if (not one.kinds or alert.kind in one.kinds)
        and (not one.source_ids or not alert.source_id or alert.source_id in one.source_ids)
    )  # fmt: skip


def note_reports(reports: Iterable[PlanReport], *, now: datetime) -> None:
    """These were written. Noted twice is told once."""
    found = list(reports)
    recipients = list(AlertRecipient.objects.exclude(reports=AlertRecipient.Reports.NONE))
    names = _names(one.user_id for one in recipients if one.user_id is not None)
    AlertNotice.objects.bulk_create(
        [
            AlertNotice(recipient=one, what=AlertNotice.What.REPORT, report=report, at=now)
            for report in found for one in recipients
            if one.reports == AlertRecipient.Reports.ALL or report.owner.strip().lower() in names.get(one.user_id, ())
        ],
        ignore_conflicts=True,
    )  # fmt: skip


def _names(user_ids: Iterable[int]) -> dict[int | None, set[str]]:
    """By what an owner may be written in the plan: address or name, in small letters."""
    people = User.objects.filter(pk__in=list(user_ids))
    return {one.pk: {name.strip().lower() for name in (one.email, one.name) if name.strip()} for one in people}
