"""Switching on and off that a feature is kept as a trait."""

from datetime import datetime

from django.db import transaction

from common import audit, pg, turns
from insights.features.contracts import BadFeature
from insights.features.reading import features
from insights.keeping.contracts import MOST_KEPT, KeptView, trait_of
from insights.keeping.models import KeptFeature
from insights.keeping.reading import kept_view


@transaction.atomic
def keep_feature(*, name: str, by: str, now: datetime, via: str = "ui") -> KeptView:
    """Have everybody's value of a feature kept as a trait. Raises BadFeature."""
    feature = features().get(name)
    if feature is None:
        raise BadFeature(f"{name}: there is no such feature.")
    if feature.texts:
        raise BadFeature(
            f"{name}: sentiment is written as a trait already (sentiment_{name}), once a day: each text is read anew"
            " whenever it is computed. Use that trait."
        )
    # Under the turn: what is applied from now on is noted, and what was before is in the log when all are computed.
    turns.borrow(pg.raw())
    row = KeptFeature.objects.filter(name=name).first()
    if row is not None and not row.leaving:
        return kept_view(row, feature)
    if KeptFeature.objects.filter(leaving=False).count() >= MOST_KEPT:
        raise BadFeature(
            f"{name}: {MOST_KEPT} features are kept already, and each costs a value of everybody. Switch one off that"
            " no rule and no sync reads."
        )
    told = {"leaving": False, "meaning": "", "position": None, "whole_at": None, "people": 0, "kept_by": by,
            "kept_at": now}  # fmt: skip
    row, _ = KeptFeature.objects.update_or_create(name=name, defaults=told)
    audit.record(
        actor=by, via=via, action="insights.feature_kept", object_type="feature", object_id=name, at=now,
        summary=f"Keeps the feature {name} as the trait {trait_of(name)}",
    )  # fmt: skip
    return kept_view(row, feature)


@transaction.atomic
def drop_kept_feature(*, name: str, by: str, now: datetime, via: str = "ui") -> None:
    """Keep it no longer: its trait is taken from everybody. Raises BadFeature when it is not kept."""
    if not KeptFeature.objects.filter(name=name, leaving=False).update(leaving=True):
        raise BadFeature(f"{name}: it is not kept as a trait.")
    audit.record(
        actor=by, via=via, action="insights.feature_not_kept", object_type="feature", object_id=name, at=now,
        summary=f"Keeps the feature {name} no longer; the trait {trait_of(name)} is taken away",
    )  # fmt: skip
