"""Saying what is predicted, which version is in use, and when to train and to score."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction

from common import audit
from insights.alarms import forget_alarms, forget_online
from insights.features.contracts import BadFeature
from insights.features.reading import chosen, features
from insights.models import Run
from insights.predictions.computing import fitted, switch_on
from insights.predictions.contracts import BadPrediction, PredictionSpec, expect_slug, traits_of
from insights.predictions.models import Prediction, PredictionModel
from insights.predictions.sets import condition
from insights.writing import After, take_traits
from segments import selectors as segments


@transaction.atomic
def keep_prediction(*, slug: str, name: str, spec: Mapping[str, Any], by: str, now: datetime, via: str = "ui") -> None:
    """A new prediction, or another way to do one that there is; the next training follows it. Raises BadPrediction."""
    expect_slug(slug)
    wanted = PredictionSpec.from_json(spec)
    _expect_known(wanted, now)
    row = Prediction.objects.select_for_update().filter(slug=slug).first()
    before = None if row is None else {"spec": row.spec, "name": row.name}
    after = {"spec": wanted.to_json(), "name": name or slug}
    if before == after:
        return
    if row is None:
        Prediction.objects.create(slug=slug, made_by=by, made_at=now, **after)
    else:
        Prediction.objects.filter(pk=row.pk).update(**after)
    if not wanted.online:
        forget_online(slug, now=now)
    audit.record(
        actor=by, via=via, action="insights.prediction", object_type="prediction", object_id=slug, at=now,
        summary=f"Said what {name or slug} predicts", before=before, after=after,
    )  # fmt: skip


def _expect_known(spec: PredictionSpec, now: datetime) -> None:
    condition(spec, now=now)
    if spec.segment and segments.segment(spec.segment) is None:
        raise BadPrediction(f"segment: there is no segment {spec.segment}.")
    for field, names in (("features", spec.features), ("groups", spec.groups)):
        try:
            chosen(names)
        except BadFeature as wrong:
            raise BadPrediction(f"{field}: {wrong}") from None
    every = features()
    numbers = [one for one in spec.groups if every[one].type != "text"]
    if numbers:
        raise BadPrediction(f"groups: {numbers[0]} is a number; groups are told by features of type text.")


@transaction.atomic
def activate_version(*, slug: str, version: int, by: str, now: datetime, via: str = "ui") -> None:
    """Switch a version on; the next scoring uses it. Raises BadPrediction, Tampered."""
    row = _locked(slug)
    wanted = PredictionModel.objects.filter(prediction=row, version=version).first()
    if wanted is None:
        raise BadPrediction(f"version: there is no version {version} of {slug}.")
    if wanted.status == PredictionModel.Status.CHAMPION:
        return
    fitted(wanted)
    switch_on(wanted, by=by, now=now)
    audit.record(
        actor=by, via=via, action="insights.version_on", object_type="prediction", object_id=slug, at=now,
        summary=f"Switched version {version} of {row.name} on",
    )  # fmt: skip


def roll_back(*, slug: str, by: str, now: datetime, via: str = "ui") -> int:
    """Switch on the version that was in use before; answers its number. Raises BadPrediction."""
    with transaction.atomic():
        row = _locked(slug)
        champion = PredictionModel.objects.filter(prediction=row, status=PredictionModel.Status.CHAMPION).first()
        before = (
            PredictionModel.objects.filter(prediction=row, activated_at__lt=champion.activated_at)
            .order_by("-activated_at")
            .first()
            if champion
            else None
        )
        if champion is None or before is None:
            raise BadPrediction("version: no other version was in use before.")
        at = before.activated_at
        activate_version(slug=slug, version=before.version, by=by, now=now, via=via)
        # It keeps its place in the row of versions: rolling back again goes farther back.
        PredictionModel.objects.filter(pk=before.pk).update(activated_at=at)
        return before.version


def delete_prediction(*, slug: str, by: str, now: datetime, after: After, via: str = "ui") -> None:
    """Delete a prediction with its versions, and take its traits from everybody. Raises BadPrediction."""
    with transaction.atomic():
        row = _locked(slug)
        audit.record(
            actor=by, via=via, action="insights.prediction_deleted", object_type="prediction", object_id=slug, at=now,
            summary=f"Deleted the prediction {row.name}", before={"spec": row.spec, "name": row.name}, after=None,
        )  # fmt: skip
        row.delete()
        forget_alarms(slug, now=now)
    take_traits(keys=traits_of(slug), kept=np.empty(0, dtype=np.int64), now=now, after=after)


def due(*, now: datetime) -> list[tuple[str, str]]:
    """The kinds of runs that are due and for what: training as often as each says, and early when people have changed;
    scoring as often as each says, and after a version was switched on."""
    found = []
    for row in Prediction.objects.order_by("pk"):
        spec = PredictionSpec.from_json(row.spec)
        runs = Run.objects.filter(prediction=row)
        trained = runs.filter(kind=Run.Kind.TRAINING).order_by("-pk").first()
        scored = runs.filter(kind=Run.Kind.SCORING).order_by("-pk").first()
        champion = PredictionModel.objects.filter(prediction=row, status=PredictionModel.Status.CHAMPION).first()
        if _train_due(spec, trained, scored, now):
            found.append((str(Run.Kind.TRAINING), row.slug))
        if spec.online and champion is not None and _follow_due(row, now):
            found.append((str(Run.Kind.ONLINE), row.slug))
        if champion is None or (scored is not None and scored.state == Run.State.WAITING):
            continue
        fresh = scored is not None and scored.figures.get("version") in (None, champion.version)
        every = None if spec.score_every_days is None else timedelta(days=spec.score_every_days)
        if not fresh or (every is not None and scored is not None and scored.requested_at <= now - every):
            found.append((str(Run.Kind.SCORING), row.slug))
    return found


def _follow_due(row: Prediction, now: datetime) -> bool:
    """Hourly: a day closes at another hour in each zone, and a worker that was away catches up."""
    newest = Run.objects.filter(prediction=row, kind=Run.Kind.ONLINE).order_by("-pk").first()
    return newest is None or (newest.state != Run.State.WAITING and newest.requested_at <= now - timedelta(hours=1))


def _train_due(spec: PredictionSpec, trained: Run | None, scored: Run | None, now: datetime) -> bool:
    if trained is not None and trained.state == Run.State.WAITING:
        return False
    if spec.train_every_days is not None and (
        trained is None or trained.requested_at <= now - timedelta(days=spec.train_every_days)
    ):
        return True
    alarms = scored is not None and scored.figures.get("drift", {}).get("alarms")
    # Once for what has changed, and not more than daily.
    return bool(
        spec.train_on_drift and alarms and trained and scored and trained.requested_at < scored.requested_at
        and trained.requested_at <= now - timedelta(days=1)
    )  # fmt: skip


def _locked(slug: str) -> Prediction:
    row = Prediction.objects.select_for_update().filter(slug=slug).first()
    if row is None:
        raise BadPrediction(f"slug: there is no prediction called {slug}.")
    return row
