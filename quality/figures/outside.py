"""Alerts of others: what an app above this one finds is raised and closed here, and shown and told like all."""

from datetime import datetime

from django.db import transaction

from quality.alerting.models import AlertNotice
from quality.alerting.notices import note_alerts
from quality.figures.models import QualityAlert

_State = QualityAlert.State


@transaction.atomic
def settle_alarm(*, kind: str, origin: str, told: str, path: str, now: datetime) -> None:
    """What an origin finds of one kind: words raise an alert, or refresh the one that stands; none close it. `path` is
    the page that says more. Safe to repeat; one origin calls from one place at a time."""
    rows = QualityAlert.objects.select_for_update().filter(kind=kind, source_id=0, name=origin)
    standing = rows.filter(state__in=(_State.OPEN, _State.ACKNOWLEDGED), passed_at=None).order_by("-pk").first()
    if standing is not None and told:
        rows.filter(pk=standing.pk).update(told=told, path=path)
    elif standing is not None:
        _close(standing, now=now)
    elif told:
        # Of one day there is one: it is opened again.
        row, _ = QualityAlert.objects.update_or_create(
            kind=kind, source_id=0, name=origin, day=now.date(),
            defaults={"told": told, "path": path, "state": _State.OPEN, "opened_at": now, "passed_at": None,
                      "settled_at": None, "settled_by": ""},
        )  # fmt: skip
        note_alerts([row], AlertNotice.What.RAISED, now=now)


def _close(row: QualityAlert, *, now: datetime) -> None:
    if row.state == _State.ACKNOWLEDGED:
        row.passed_at = now
    else:
        row.state, row.settled_at = _State.CLOSED, now
    row.save(update_fields=["passed_at", "state", "settled_at"])
    note_alerts([row], AlertNotice.What.RESOLVED, now=now)
