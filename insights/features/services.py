"""Declaring features."""

from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from common import audit
from insights.features.contracts import BadFeature, DeclaredView
from insights.features.declared import OF_TEXTS, checked
from insights.features.reading import declared_view
from insights.models import Clustering, DeclaredFeature, Prediction, Run
from insights.runs import request_run


@transaction.atomic
def declare_feature(
    *, name: str, measure: str, by: str, now: datetime, event: str = "", property: str = "",
    window_days: int | None = None, title: str = "", description: str = "", owner: str = "", via: str = "ui",
) -> DeclaredView:  # fmt: skip
    """A new feature, or another meaning of one. Sentiment is computed of everybody at once, and then daily. Raises
    BadFeature."""
    checked(name=name, measure=measure, event=event, property=property, window_days=window_days)
    before = DeclaredFeature.objects.filter(name=name).first()
    row, _ = DeclaredFeature.objects.update_or_create(
        name=name,
        defaults={
            "measure": measure, "event": event, "property": property, "window_days": window_days, "title": title,
            "description": description, "owner": owner or by, "changed_by": by, "changed_at": now,
        },
    )  # fmt: skip
    audit.record(
        actor=by, via=via, action="insights.feature", object_type="feature", object_id=name, at=now,
        summary=f"Declared the feature {name}", before=_told(declared_view(before)) if before else None,
        after=_told(declared_view(row)),
    )  # fmt: skip
    if measure in OF_TEXTS or (before is not None and before.measure in OF_TEXTS):
        request_run(kind=Run.Kind.SENTIMENT, by=by, now=now, via=via)
    return declared_view(row)


@transaction.atomic
def remove_feature(*, name: str, by: str, now: datetime, via: str = "ui") -> None:
    """Take a declared feature away. Raises BadFeature while a grouping or a prediction reads it, or when it is not
    there."""
    users = [one.name for one in Clustering.objects.all() if name in one.spec.get("features", [])]
    users += [one.name for one in Prediction.objects.all() if name in (*one.spec["features"], *one.spec["groups"])]
    if users:
        raise BadFeature(f"{name} is used by {', '.join(users)}; choose other features there first.")
    row = DeclaredFeature.objects.filter(name=name).first()
    if row is None:
        raise BadFeature(f"{name}: there is no such feature that somebody declared.")
    audit.record(
        actor=by, via=via, action="insights.feature_removed", object_type="feature", object_id=name, at=now,
        summary=f"Removed the feature {name}", before=_told(declared_view(row)), after=None,
    )  # fmt: skip
    row.delete()
    if row.measure in OF_TEXTS:
        request_run(kind=Run.Kind.SENTIMENT, by=by, now=now, via=via)


def _told(view: DeclaredView) -> dict[str, object]:
    told = asdict(view)
    told.pop("changed_at")
    return told
