"""How far ahead is looked: read and kept."""

from datetime import datetime

from django.db import transaction

from common import audit
from insights.lifetime.contracts import HORIZONS, USUAL_HORIZON, BadLifetime
from insights.lifetime.models import LifetimeSetting


def lifetime_horizon() -> int:
    """Days ahead."""
    row = LifetimeSetting.objects.filter(pk=1).first()
    return row.horizon_days if row else USUAL_HORIZON


@transaction.atomic
def keep_lifetime_horizon(horizon_days: int, *, by: str, now: datetime, via: str = "ui") -> int:
    """Say how far ahead is looked; the next run follows it. Raises BadLifetime."""
    if horizon_days not in HORIZONS:
        raise BadLifetime(f"horizon_days: choose one of {', '.join(str(one) for one in HORIZONS)}.")
    before = lifetime_horizon()
    if horizon_days != before:
        LifetimeSetting.objects.update_or_create(
            pk=1, defaults={"horizon_days": horizon_days, "changed_by": by, "changed_at": now}
        )
        audit.record(
            actor=by, via=via, action="insights.lifetime_setting", object_type="insights", object_id="lifetime", at=now,
            summary=f"Looks {horizon_days} days ahead for the value of customers", before={"horizon_days": before},
            after={"horizon_days": horizon_days},
        )  # fmt: skip
    return horizon_days
