"""Online learning of a prediction: batches that have closed since the last, one for each day, each learned of once.

The state is stored after each batch together with how far it came: a worker that is killed goes on behind the last
batch that was learned of, and none is learned of twice.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from django.db import transaction

from common import jobs
from insights.clusters.grouping import Tampered
from insights.contracts import NotPossible, OrderSetting
from insights.features.compile import window_start
from insights.features.reading import features
from insights.models import Run
from insights.predictions import online
from insights.predictions.contracts import OnlineView, PredictionSpec
from insights.predictions.fitted import FittedPrediction
from insights.predictions.models import OnlineModel, PredictionModel
from insights.predictions.online import Online
from insights.predictions.sets import Window, read_set, windows
from insights.predictions.training import TrainingSet

_DAY = timedelta(days=1)
# After a pause of the worker it looks this far back.
_MOST_BATCHES = 7


def serving(version: PredictionModel) -> FittedPrediction | None:
    """The online model that scores in place of this version, or None while the version does. A stored model that is
    damaged scores nobody: the version does."""
    row = OnlineModel.objects.filter(base=version).defer("body").first()
    if row is None or not row.state["serving"]:
        return None
    try:
        return _loaded(row.pk, row.sha256)
    except Tampered:
        return None


def online_view(version: PredictionModel) -> OnlineView | None:
    """How the online model beside a version does; None while none has begun."""
    row = OnlineModel.objects.filter(base=version).defer("body").first()
    if row is None:
        return None
    told = row.state
    rows = sum(one[0] for one in told["recent"])
    newest = Run.objects.filter(prediction_id=version.prediction_id, kind=Run.Kind.ONLINE, state=Run.State.DONE)
    figures = newest.order_by("-pk").values_list("figures", flat=True).first() or {}
    return OnlineView(
        told["serving"], told["rows"], rows, sum(one[1] for one in told["recent"]) / rows if rows else None,
        sum(one[2] for one in told["recent"]) / rows if rows else None, told["rejected"], told["why"], row.cutoff,
        row.changed_at, tuple(figures.get("alarms", ())),
    )  # fmt: skip


@lru_cache(maxsize=16)
def _loaded(pk: int, sha256: str) -> FittedPrediction:
    # `sha256` names what was seen a moment ago; had another batch been learned of since, what is stored now is as good.
    body, stored = OnlineModel.objects.values_list("body", "sha256").get(pk=pk)
    return FittedPrediction.from_bytes(bytes(body), stored)


def follow(row: Run, version: PredictionModel, batch_model: FittedPrediction, *, now: datetime) -> None:
    """Do one run: learn of each day that has closed. Raises NotPossible."""
    spec, orders = PredictionSpec.from_json(version.figures["spec"]), OrderSetting.from_json(row.orders)
    newest = window_start(row.as_of, spec.days, orders.zone)
    stored = OnlineModel.objects.filter(base=version).first()
    state = _begun(stored)
    if stored is None or state is None:
        state, cutoff = _begin(batch_model, spec, row.as_of, orders)
        stored = _store(version, state, cutoff, now=now)
    else:
        cutoff = max(stored.cutoff, newest - _MOST_BATCHES * _DAY)
    told = _told(version, batch_model, state)
    while cutoff + _DAY <= newest:
        jobs.go_on(row.job_id or 0)
        cutoff += _DAY
        window = Window(cutoff, window_start(cutoff, -spec.days, orders.zone))
        found = read_set(spec, told, as_of=row.as_of, orders=orders, among=[window])
        state = _learned(state, found, batch_model, may_serve=spec.policy == "better")
        stored = _store(version, state, cutoff, now=now)
        jobs.progress(row.job_id or 0, 0, stage=f"learned of {cutoff:%Y-%m-%d}")
    row.figures = {
        "people": state.rows, "version": version.version, "serving": state.serving, "alarms": online.alarms(state),
    }  # fmt: skip


def _begun(stored: OnlineModel | None) -> Online | None:
    """As it was stored; None to begin anew, also when what is stored is damaged."""
    if stored is None:
        return None
    try:
        return Online.from_json(FittedPrediction.from_bytes(bytes(stored.body), stored.sha256), stored.state)
    except Tampered:
        return None


def _begin(
    batch_model: FittedPrediction, spec: PredictionSpec, as_of: datetime, orders: OrderSetting
) -> tuple[Online, datetime]:
    """Of the windows before the newest, which then is the first batch; of the newest while there is no other."""
    closed = windows(spec, as_of=as_of, orders=orders)
    earlier = closed[1:] or closed
    found = read_set(spec, batch_model.features, as_of=as_of, orders=orders, among=earlier)
    if not 0 < found.truth.sum() < len(found):
        raise NotPossible("Nothing to begin with: in the windows that have closed everybody did the same.")
    cutoff = closed[0].starts - _DAY if len(closed) > 1 else closed[0].starts
    rows = batch_model.rows(found.columns, len(found))
    return online.begin(batch_model.encoder, rows, found.truth), cutoff


def _told(version: PredictionModel, batch_model: FittedPrediction, state: Online) -> list[str]:
    """Features of which it may learn: those of the version, its own, and those that told nothing when the version was
    trained, as far as they are still declared."""
    every = features()
    left_out = [name for name in version.figures.get("left_out", ()) if name in every]
    return list(dict.fromkeys([*batch_model.features, *state.model.features, *left_out]))


def _learned(state: Online, found: TrainingSet, batch_model: FittedPrediction, *, may_serve: bool) -> Online:
    if not len(found):
        return state
    beside = batch_model.score(batch_model.rows(found.columns, len(found)))
    rows = state.model.rows(found.columns, len(found))
    titles = {name: one.title for name, one in features().items()}
    after = online.step(state, rows, found.truth, beside, may_serve=may_serve, titles=titles)
    if after.rejected > state.rejected:
        return after
    return online.grow(after, found.columns, found.people)


@transaction.atomic
def _store(version: PredictionModel, state: Online, cutoff: datetime, *, now: datetime) -> OnlineModel:
    body, sha256 = state.model.to_bytes()
    row, _ = OnlineModel.objects.update_or_create(
        prediction_id=version.prediction_id,
        defaults={"base": version, "body": body, "sha256": sha256, "state": state.to_json(), "cutoff": cutoff,
                  "changed_at": now},
    )  # fmt: skip
    return row
