"""What tells of interest, and what is never offered: read and kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from common import audit
from insights.recommendations.contracts import RecommendationSetting as Wanted
from insights.recommendations.models import RecommendationSetting


def recommendation_setting() -> Wanted:
    """The setting in force; the defaults when nobody chose."""
    row = RecommendationSetting.objects.filter(pk=1).first()
    return Wanted.from_json(row.body) if row else Wanted()


@transaction.atomic
def keep_recommendation_setting(told: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui") -> Wanted:
    """Say what tells of interest and what is never offered; what is left out keeps its value. Rules hold at once,
    signals from the next run on. Raises BadRecommendation."""
    before = recommendation_setting().to_json()
    rules = {**before["rules"], **told.get("rules", {})}
    wanted = Wanted.from_json({**before, **told, "rules": rules})
    if wanted.to_json() != before:
        RecommendationSetting.objects.update_or_create(
            pk=1, defaults={"body": wanted.to_json(), "changed_by": by, "changed_at": now}
        )
        audit.record(
            actor=by, via=via, action="insights.recommendation_setting", object_type="insights",
            object_id="recommendations", at=now, summary="Said what is recommended", before=before,
            after=wanted.to_json(),
        )  # fmt: skip
    return wanted
