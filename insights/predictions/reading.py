"""Predictions as others see them: versions, scorings, and scores of people with their reasons."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models.functions import Length

from insights.contracts import OrderSetting
from insights.features.reading import features
from insights.models import Run
from insights.predictions.computing import in_use, scores_of
from insights.predictions.contracts import (
    Meter,
    PredictionSpec,
    PredictionView,
    ScoreView,
    ScoringView,
    VersionView,
)
from insights.predictions.following import online_view
from insights.predictions.models import Prediction, PredictionModel
from insights.predictions.sets import segment_name, sufficiency
from insights.predictions.words import reasons, sentence, told
from insights.settings import setting

_SCORINGS = 30
# So many people are looked at while somebody waits for the meter.
_LOOKED_AT = 20_000


def predictions() -> list[PredictionView]:
    """Every prediction with its versions, by name."""
    return [_view(row) for row in Prediction.objects.order_by("name", "pk")]


def prediction(slug: str) -> PredictionView | None:
    """One prediction."""
    row = Prediction.objects.filter(slug=slug).first()
    return None if row is None else _view(row)


def meter_of(spec: PredictionSpec, *, now: datetime, orders: OrderSetting | None = None) -> Meter:
    """Whether there is enough to learn from now; of a large base by a sample. Raises BadPrediction, NotPossible."""
    return sufficiency(spec, as_of=now, orders=orders or setting().orders, most=_LOOKED_AT)


def score_profiles(
    slug: str, profiles: Collection[int], *, now: datetime, explained: bool = True
) -> list[ScoreView] | None:  # fmt: skip
    """Scores of some people as of now by the version in use, in ascending order of id; None while none is in use.
    People who are not there are left out. Raises Tampered."""
    version = PredictionModel.objects.filter(prediction__slug=slug, status=PredictionModel.Status.CHAMPION).first()
    if version is None:
        return None
    table, scores, effects = scores_of(version, profiles, as_of=now)
    model, every = in_use(version), features()
    quantiles = _quantiles(version)
    found = []
    for place, profile in enumerate(table.profile_ids.tolist()):
        values = {name: table.columns[name][place] for name in model.features}
        why = reasons(model.features, values, effects[place], every, model.encoder) if explained else []
        at = None if quantiles is None else _percentile(quantiles, round(float(scores[place]), 6))
        said = sentence(why) if explained else ""
        found.append(ScoreView(profile, float(scores[place]), at, version.version, now, why, said))
    return found


def _percentile(quantiles: Sequence[float], score: float) -> int:
    """The percentile among the people of those quantiles; of equal scores their average, as in the traits."""
    below, upto = (int(np.searchsorted(quantiles, score, side=side)) for side in ("left", "right"))
    return (below + upto) // 2 + 1


def _quantiles(version: PredictionModel) -> Sequence[float] | None:
    run = (
        Run.objects.filter(prediction_id=version.prediction_id, kind=Run.Kind.SCORING, state=Run.State.DONE)
        .order_by("-pk")
        .first()
    )
    return run.figures["quantiles"] if run is not None and run.figures.get("version") == version.version else None


def _view(row: Prediction) -> PredictionView:
    spec = PredictionSpec.from_json(row.spec)
    versions = PredictionModel.objects.filter(prediction=row).order_by("-version").defer("body")
    versions = versions.annotate(size=Length("body"))
    scorings = Run.objects.filter(prediction=row, kind=Run.Kind.SCORING, state=Run.State.DONE).order_by("-pk")
    trained = Run.objects.filter(prediction=row, kind=Run.Kind.TRAINING, state=Run.State.DONE).order_by("-pk").first()
    champion = next((one for one in versions if one.status == PredictionModel.Status.CHAMPION), None)
    return PredictionView(
        row.slug, row.name, spec, told(spec, segment_name(spec)), row.made_by, row.made_at,
        [_version(one) for one in versions],
        [_scoring(one) for one in scorings[:_SCORINGS]], trained.as_of if trained else None,
        online_view(champion) if champion and spec.online else None,
    )  # fmt: skip


def _version(row: Any) -> VersionView:
    return VersionView(
        row.version, row.status, row.run_id, row.made_at, row.activated_at, row.sha256, row.size, row.figures
    )


def _scoring(row: Run) -> ScoringView:
    told = row.figures
    return ScoringView(
        row.pk, row.as_of, told["version"], told["people"], told["deciles"], told["drift"], told.get("outcome")
    )
