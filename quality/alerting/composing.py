"""Making digests of what waits: one a recipient and interval, never one an alert."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db import transaction

from common import clock
from quality.alerting.models import AlertDigest, AlertNotice, AlertRecipient
from quality.alerting.wording import plain
from quality.figures.models import QualityAlert
from quality.reports.models import PlanReport

_BUSY = (AlertDigest.State.WAITING, AlertDigest.State.SENDING)
# What could not be told by then is on the page, and no news any more.
_STALE = timedelta(days=7)
_KEEP = timedelta(days=90)


def compose(*, now: datetime, mail: bool, names: Mapping[int, str]) -> int:
    """Make the digests that are due; answers how many. Nothing is made while an earlier one still waits, nor mail
    while there is no mail server. `names` are those of sources."""
    AlertNotice.objects.filter(digest=None, at__lt=now - _STALE).delete()
    AlertDigest.objects.filter(made_at__lt=now - _KEEP).exclude(state__in=_BUSY).delete()
    waiting = AlertNotice.objects.filter(digest=None).values_list("recipient_id", flat=True).distinct()
    made = 0
    for recipient_id in list(waiting):
        made += _compose_one(recipient_id, now=now, mail=mail, names=names)
    return made


@transaction.atomic
def _compose_one(recipient_id: int, *, now: datetime, mail: bool, names: Mapping[int, str]) -> int:
    # The row is the lock: of two workers one makes the digest.
    recipient = AlertRecipient.objects.select_for_update(skip_locked=True).filter(pk=recipient_id).first()
    if recipient is None or (recipient.way == AlertRecipient.Way.MAIL and not mail):
        return 0
    digests = AlertDigest.objects.filter(recipient=recipient)
    recent = now - timedelta(minutes=recipient.every_minutes)
    if digests.filter(state__in=_BUSY).exists() or digests.filter(made_at__gt=recent).exists():
        return 0
    notices = list(
        AlertNotice.objects.filter(recipient=recipient, digest=None).select_related("alert", "report").order_by("pk")
    )
    content = content_of(notices, names=names)
    if not any(content.values()):
        AlertNotice.objects.filter(pk__in=[one.pk for one in notices]).delete()
        return 0
    digest = AlertDigest.objects.create(recipient=recipient, content=content, made_at=now, due_at=now)
    AlertNotice.objects.filter(pk__in=[one.pk for one in notices]).update(digest=digest)
    return 1


def content_of(notices: list[AlertNotice], *, names: Mapping[int, str]) -> dict[str, list[dict[str, Any]]]:
    """What the notices come to: of each alert the last that became of it."""
    last = {one.alert: one.what for one in notices if one.alert is not None}
    told: dict[str, list[dict[str, Any]]] = {"raised": [], "resolved": [], "reports": []}
    for alert, what in last.items():
        told[what].append(_alert(alert, names))
    told["reports"] = [_report(one.report) for one in notices if one.report is not None]
    return told


def _alert(row: QualityAlert, names: Mapping[int, str]) -> dict[str, Any]:
    where = {"event": row.name, "source": row.source_id or ""} if row.name else {"source": row.source_id}
    return {
        "id": str(row.pk), "kind": row.kind, "label": row.get_kind_display(), "event": plain(row.name),
        "source_id": str(row.source_id), "source": plain(names.get(row.source_id, "")), "day": row.day.isoformat(),
        "told": plain(row.told), "state": row.state, "opened_at": clock.iso(row.opened_at),
        "since": f"since {row.opened_at:%-d %B %Y, %H:%M} UTC",
        # A name may hold what is personal, and a link is logged wherever it passes.
        "path": row.path or (f"/data/quality/?{urlencode(where)}" if plain(row.name) == row.name else "/data/quality/"),
    }  # fmt: skip


def _report(row: PlanReport) -> dict[str, Any]:
    judged, faulty = (sum(one.get(name, 0) for one in row.events) for name in ("judged", "faulty"))
    return {
        "id": str(row.pk), "month": f"{row.month:%B %Y}", "owner": plain(row.owner), "events": len(row.events),
        "volume": sum(one.get("volume", 0) for one in row.events), "validity": 1 - faulty / judged if judged else None,
        "set_aside": sum(one.get("set_aside", 0) for one in row.events),
        "alerts": sum(one.get("alerts", 0) for one in row.events),
        "path": f"/data/reports/?month={row.month:%Y-%m}",
    }  # fmt: skip
