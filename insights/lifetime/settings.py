"""How far ahead is looked, and by which method: read and kept."""

from datetime import datetime

from django.db import transaction

from common import audit
from insights.lifetime.contracts import HORIZONS, LIFETIME_CHOICES, USUAL_CHOICE, USUAL_HORIZON, BadLifetime
from insights.lifetime.models import LifetimeSetting


def lifetime_horizon() -> int:
    """Days ahead."""
    row = LifetimeSetting.objects.filter(pk=1).first()
    return row.horizon_days if row else USUAL_HORIZON


def lifetime_method() -> str:
    """The method that was chosen, or that the better one is used."""
    row = LifetimeSetting.objects.filter(pk=1).first()
    return row.method if row else USUAL_CHOICE


@transaction.atomic
def keep_lifetime_setting(
    *, by: str, now: datetime, horizon_days: int | None = None, method: str | None = None, via: str = "ui"
) -> tuple[int, str]:  # fmt: skip
    """Say how far ahead is looked and by which method; what is left out stays. The next run follows it. Raises
    BadLifetime."""
    if horizon_days is not None and horizon_days not in HORIZONS:
        raise BadLifetime(f"horizon_days: choose one of {', '.join(str(one) for one in HORIZONS)}.")
    if method is not None and method not in LIFETIME_CHOICES:
        raise BadLifetime(f"method: choose one of {', '.join(LIFETIME_CHOICES)}.")
    before = {"horizon_days": lifetime_horizon(), "method": lifetime_method()}
    after = {
        "horizon_days": before["horizon_days"] if horizon_days is None else horizon_days,
        "method": before["method"] if method is None else method,
    }  # fmt: skip
    if after != before:
        LifetimeSetting.objects.update_or_create(pk=1, defaults={**after, "changed_by": by, "changed_at": now})
        audit.record(
            actor=by, via=via, action="insights.lifetime_setting", object_type="insights", object_id="lifetime", at=now,
            summary=f"Looks {after['horizon_days']} days ahead for the value of customers, by"
            f" {LIFETIME_CHOICES[str(after['method'])]}",
            before=before, after=after,
        )  # fmt: skip
    return lifetime_horizon(), lifetime_method()
