"""Training a prediction, and scoring everybody: what a run does."""

import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
from django.db import transaction

from common import jobs
from common.clock import from_micros
from insights.clusters.grouping import Tampered
from insights.contracts import FeatureTable, NotPossible, OrderSetting
from insights.features.reading import features, features_of
from insights.kpis.annotating import annotate
from insights.models import Run
from insights.predictions import drift, fairness, metrics, training
from insights.predictions.contracts import PredictionSpec, traits_of
from insights.predictions.encoding import Floats, taken
from insights.predictions.fitted import FittedPrediction
from insights.predictions.following import follow, serving
from insights.predictions.models import Prediction, PredictionModel
from insights.predictions.sets import (
    Window,
    eligible,
    first_event,
    names_of,
    of_people,
    read_set,
    sufficiency,
    truth_of,
)
from insights.predictions.training import Trained, TrainingSet
from insights.settings import setting
from insights.writing import After, write_traits

_DECILES = 10
_DAY = timedelta(days=1)
# Below this AUC scores say nothing.
_GUESS = 0.55
_BESIDE = {
    "better": "better than version {} on the same people", "as good": "as good as version {} on the same people",
    "another question": "version {} answers another question", "damaged": "version {} is damaged",
    "features are gone": "version {} reads features that are not looked at any more",
}  # fmt: skip
_QUANTILES = np.linspace(0, 1, 101)[1:-1]


def fitted(row: PredictionModel) -> FittedPrediction:
    """The model of a version, kept in the process. Raises Tampered."""
    return _loaded(row.pk, row.sha256)


def in_use(row: PredictionModel) -> FittedPrediction:
    """What scores while this version is on: the model that learns online where it does better, else the version itself.
    Raises Tampered."""
    return serving(row) or fitted(row)


@lru_cache(maxsize=16)
def _loaded(pk: int, sha256: str) -> FittedPrediction:
    body = PredictionModel.objects.values_list("body", flat=True).get(pk=pk)
    return FittedPrediction.from_bytes(bytes(body), sha256)


def work(row: Run, *, now: datetime, after: After) -> None:
    """Do one run of a prediction. Raises NotPossible, Tampered."""
    match row.kind:
        case Run.Kind.TRAINING:
            learn(row, now=now)
        case Run.Kind.ONLINE:
            learn_online(row, now=now)
        case _:
            score(row, now=now, after=after)


# -- training


def learn(row: Run, *, now: datetime) -> None:
    """Do one run of training: a new version, which is switched on if policy has it. Raises NotPossible."""
    prediction = _prediction(row)
    version = PredictionModel.objects.filter(run=row).first()
    if version is None:
        version = _trained(row, prediction, now=now)
    row.figures = {"people": version.figures["people"], "version": version.version}


def _trained(row: Run, prediction: Prediction, *, now: datetime) -> PredictionModel:
    spec, orders = PredictionSpec.from_json(prediction.spec), OrderSetting.from_json(row.orders)
    enough = sufficiency(spec, as_of=row.as_of, orders=orders)
    if not enough.enough:
        raise NotPossible(enough.words)
    names, left_out = names_of(spec, as_of=row.as_of, orders=orders)
    found = read_set(spec, [*names, *spec.groups], as_of=row.as_of, orders=orders)
    groups = {name: found.columns[name] for name in spec.groups}
    chosen = TrainingSet(
        found.people, found.starts, found.ends, found.truth, {name: found.columns[name] for name in names}
    )

    def step(stage: str) -> None:
        jobs.go_on(row.job_id or 0)
        jobs.progress(row.job_id or 0, 0, stage=stage)

    began = time.process_time()
    titles = {name: one.title for name, one in features().items()}
    made = training.train(chosen, seed=spec.seed, kinds=spec.kinds, step=step, titles=titles)
    newest = chosen.starts == chosen.starts.max()
    figures = {
        **made.figures, "as_of": row.as_of.isoformat(), "spec": spec.to_json(), "left_out_why": left_out,
        "window": _window(chosen), "cpu_seconds": round(time.process_time() - began, 1),
        "reference": _reference(made, chosen, newest),
        "fairness": {
            name: fairness.report(
                chosen.truth[made.holdout], made.model.score(made.rows[made.holdout]),
                list(column), share=spec.share,
            )
            for name, column in taken(groups, np.flatnonzero(made.holdout)).items()
        },
    }  # fmt: skip
    return _stored(row, prediction, spec, made, chosen, figures, now=now)


def _stored(
    row: Run, prediction: Prediction, spec: PredictionSpec, made: Trained, found: TrainingSet, figures: dict[str, Any],
    *, now: datetime,
) -> PredictionModel:  # fmt: skip
    """Store the version beside the one in use, compared with it on the same people, and switch it on if policy has
    it."""
    body, sha256 = made.model.to_bytes()
    with transaction.atomic():
        Prediction.objects.select_for_update().get(pk=prediction.pk)
        champion = PredictionModel.objects.filter(prediction=prediction, status=PredictionModel.Status.CHAMPION).first()
        figures["comparison"] = None if champion is None else _compared(champion, made, found, spec)
        figures["verdict"], on = _verdict(spec, figures)
        newest = PredictionModel.objects.filter(prediction=prediction).order_by("-version").first()
        PredictionModel.objects.filter(prediction=prediction, status=PredictionModel.Status.CHALLENGER).update(
            status=PredictionModel.Status.ARCHIVED
        )
        version = PredictionModel.objects.create(
            prediction=prediction, run=row, version=newest.version + 1 if newest else 1, body=body, sha256=sha256,
            figures=figures, made_at=now,
        )  # fmt: skip
        if on:
            switch_on(version, by="policy", now=now)
    return version


def switch_on(version: PredictionModel, *, by: str, now: datetime) -> None:
    """Make a version the one in use; the one before is kept for a roll-back. Inside a transaction."""
    PredictionModel.objects.filter(prediction_id=version.prediction_id, status=PredictionModel.Status.CHAMPION).update(
        status=PredictionModel.Status.ARCHIVED
    )
    PredictionModel.objects.filter(pk=version.pk).update(status=PredictionModel.Status.CHAMPION, activated_at=now)
    prediction = version.prediction
    annotate(
        at=now, kind="model", text=f"{prediction.name}: version {version.version} is in use", by=by, now=now,
        link=f"/insights/predictions/{prediction.slug}/", key=f"prediction:{version.pk}:{now.isoformat()}",
    )  # fmt: skip


def _compared(champion: PredictionModel, made: Trained, found: TrainingSet, spec: PredictionSpec) -> dict[str, Any]:
    """The champion on the challenger's hold-out, by a paired bootstrap."""
    before = champion.figures["spec"]
    if any(before[name] != spec.to_json()[name] for name in ("event", "where", "goal", "days")):
        return {"verdict": "another question", "champion": champion.version}
    try:
        old = fitted(champion)
    except Tampered:
        return {"verdict": "damaged", "champion": champion.version}
    if any(name not in found.columns for name in old.features):
        return {"verdict": "features are gone", "champion": champion.version}
    scores = old.score(old.rows(found.columns, len(found))[made.holdout])
    told = metrics.not_worse(
        found.truth[made.holdout], made.model.score(made.rows[made.holdout]), scores, seed=spec.seed
    )
    return {**told, "champion": champion.version}


def _verdict(spec: PredictionSpec, figures: dict[str, Any]) -> tuple[str, bool]:
    """What becomes of the new version, in words; and whether it is switched on."""
    compared = figures["comparison"]
    unfair = [name for name, told in figures["fairness"].items() if not told["passes"]]
    if spec.blocks and unfair:
        every = features()
        unfair = [every[name].title if name in every else name for name in unfair]
        fail = "fails" if len(unfair) == 1 else "fail"
        return f"Not switched on: {', '.join(unfair)} {fail} the four-fifths rule. A person may look and decide.", False
    if compared and compared["verdict"] == "worse":
        return f"Not better: version {compared['champion']} is kept, which does better on the same people.", False
    if figures["holdout"]["auc"] < _GUESS:
        return "Not switched on: it is no better than a guess. Choose other features, or wait for more history.", False
    if spec.policy == "person":
        return "Waits for a person to switch it on.", False
    if compared is None:
        return "Switched on: the first version.", True
    return f"Switched on: {_BESIDE[compared['verdict']].format(compared['champion'])}.", True


def _window(found: TrainingSet) -> dict[str, Any]:
    starts = sorted({int(one) for one in found.starts})
    return {"cutoffs": starts, "ends": int(found.ends.max())}


def _reference(made: Trained, found: TrainingSet, newest: Any) -> dict[str, Any]:
    """What later people and scores are held against: the newest cut-off."""
    columns = taken(found.columns, np.flatnonzero(newest))
    return {
        "features": {name: drift.reference(columns[name]) for name in made.model.features},
        "scores": drift.score_reference(made.model.score(made.rows[newest])), "rate": float(found.truth[newest].mean()),
    }  # fmt: skip


def learn_online(row: Run, *, now: datetime) -> None:
    """Do one run of online learning. Raises NotPossible, Tampered."""
    prediction = _prediction(row)
    follow(row, _champion(prediction), fitted(_champion(prediction)), now=now)


# -- scoring


def score(row: Run, *, now: datetime, after: After) -> None:
    """Do one run of scoring: traits for everybody who can be looked at, drift, and what came true of earlier scores.
    Raises NotPossible, Tampered."""
    prediction = _prediction(row)
    version = _champion(prediction)
    # What it was trained for: another question waits for a version of its own.
    spec, orders = PredictionSpec.from_json(version.figures["spec"]), OrderSetting.from_json(row.orders)
    jobs.progress(row.job_id or 0, 0, stage="reading features")
    learns = serving(version) is not None
    table, scores = scored(version, spec, as_of=row.as_of, orders=orders)
    if not len(table):
        raise NotPossible("There is nobody to score: nobody was seen, was active and is in the segment.")
    places = percentiles(scores)
    model = f"version {version.version}{' online' if learns else ''}, {row.as_of:%Y-%m-%d}"
    columns = ([round(float(one), 6) for one in scores], places.tolist(), [model] * len(table))
    write_traits(
        profile_ids=table.profile_ids, columns=dict(zip(traits_of(prediction.slug), columns, strict=True)),
        run_id=row.pk, now=now, after=after, job_id=row.job_id,
    )  # fmt: skip
    row.figures = {
        "people": len(table), "version": version.version, "online": learns, "spec": spec.to_json(),
        "deciles": _deciles(scores),
        "quantiles": [round(float(one), 6) for one in np.quantile(scores, _QUANTILES)],
        "drift": _drift(version, table, scores, as_of=row.as_of, orders=orders, learns=learns),
    }  # fmt: skip
    came = settle(prediction, before=row, as_of=row.as_of, orders=orders)
    if came and came["calibration"]["alarm"]:
        told = came["calibration"]
        off = (
            f"Scores were off in the last closed window: {told['mean_score']:.1%} on average, and {told['rate']:.1%}"
            " came true."
        )
        row.figures["drift"]["alarms"].append(off)
        row.figures["drift"]["off"] = off


def scored(
    version: PredictionModel, spec: PredictionSpec, *, as_of: datetime, orders: OrderSetting
) -> tuple[FeatureTable, Floats]:  # fmt: skip
    """Everybody who can be looked at, with their scores."""
    model = in_use(version)
    who = eligible(spec, Window(as_of, as_of), as_of=as_of, orders=orders)
    table = of_people(model.features, who.profile_ids, as_of=as_of, orders=orders)
    return table, model.score(model.rows(table.columns, len(table)))


def scores_of(version: PredictionModel, profiles: Any, *, as_of: datetime) -> tuple[FeatureTable, Floats, Floats]:
    """Features, scores and effects of some people, by the same functions."""
    model = in_use(version)
    table = features_of(model.features, as_of=as_of, profiles=profiles, orders=setting().orders)
    rows = model.rows(table.columns, len(table))
    return table, model.score(rows), model.effects(rows) if len(table) else np.empty((0, len(model.features) + 1))


def settle(prediction: Prediction, *, before: Run, as_of: datetime, orders: OrderSetting) -> dict[str, Any] | None:
    """What came true of the newest scores whose window has closed, kept with them; None while none has. The scores of
    then are worked out again, by the version of then as of then, so nothing of any person had to be kept."""
    earlier = Run.objects.filter(
        prediction=prediction, kind=Run.Kind.SCORING, state=Run.State.DONE, pk__lt=before.pk
    ).order_by("-as_of")
    for run in earlier:
        spec = PredictionSpec.from_json(run.figures["spec"])
        # What learns online is another model by now; its log loss was taken before each day was learned of.
        if run.figures.get("online") or run.as_of + timedelta(days=spec.days) > as_of:
            continue
        version = PredictionModel.objects.filter(prediction=prediction, version=run.figures["version"]).first()
        if "outcome" not in run.figures and version is not None:
            run.figures["outcome"] = _outcome(version, spec, run.as_of, as_of=as_of, orders=orders)
            Run.objects.filter(pk=run.pk).update(figures=run.figures)
        outcome: dict[str, Any] | None = run.figures.get("outcome")
        return outcome
    return None


def _outcome(
    version: PredictionModel, spec: PredictionSpec, then: datetime, *, as_of: datetime, orders: OrderSetting
) -> dict[str, Any]:  # fmt: skip
    window = Window(then, then + timedelta(days=spec.days))
    model = fitted(version)
    who = eligible(spec, window, as_of=as_of, orders=orders)
    table = of_people(model.features, who.profile_ids, as_of=then, orders=orders)
    truth = truth_of(spec, who.did[np.isin(who.profile_ids, table.profile_ids)])
    scores = model.score(model.rows(table.columns, len(table)))
    if not len(table):
        return {"people": 0, "deciles": [], "calibration": drift.calibration(0.0, 0.0, 0)}
    return {
        "people": len(table), "deciles": metrics.deciles(truth, scores), "auc": metrics.roc_auc(truth, scores),
        "calibration": drift.calibration(float(scores.mean()), float(truth.mean()), len(table)),
    }  # fmt: skip


def percentiles(scores: Floats) -> Any:
    """From 1 to 100: 100 for the highest hundredth. Equal scores have equal percentiles."""
    return np.clip(np.ceil(100 * metrics.ranks(scores) / max(len(scores), 1)), 1, 100).astype(np.int64)


def _deciles(scores: Floats) -> list[dict[str, Any]]:
    parts = np.array_split(np.sort(scores)[::-1], _DECILES)
    return [
        {"decile": place + 1, "people": len(part), "score": float(part.mean())}
        for place, part in enumerate(parts)
        if len(part)
    ]


def _drift(
    version: PredictionModel, table: FeatureTable, scores: Floats, *, as_of: datetime, orders: OrderSetting,
    learns: bool,
) -> dict[str, Any]:  # fmt: skip
    """Each feature and the scores beside those the version was learned of, with alarms in words. What grows by itself
    is held against what it had to become, or is not judged, which `expected` says. Where the online model `learns` and
    scores, the version's own scores are compared: that another model scores otherwise says nothing of people."""
    told: Mapping[str, Any] = version.figures["reference"]
    then, first = from_micros(version.figures["window"]["cutoffs"][-1]), first_event(as_of, orders) or as_of
    since, history = (as_of - then) / _DAY, max((then - first) / _DAY, 0.0)
    every, found = features(), {}
    for name, before in told["features"].items():
        feature = every.get(name)
        if feature is not None and feature.ages:
            one = drift.compare_aged(before, table.columns[name], round(since))
            one["expected"] = f"Beside those who were there then, {since:.0f} days older."
        else:
            one = drift.compare(before, table.columns[name])
            if feature and feature.accumulates and drift.sees_longer(
                feature.window_days, then=history, now=history + since
            ):  # fmt: skip
                one |= {"alarm": False, "judged": False, "expected": (
                    f"Not judged: it was learned of {history:.0f} days of history, and rises by itself while there is"
                    f" more ({history + since:.0f} days now)."
                )}  # fmt: skip
        found[name] = one
    if learns:
        own = fitted(version)
        scores = own.score(own.rows(table.columns, len(table)))
    whole = drift.compare(told["scores"], scores)
    alarms = [
        f"{every[name].title if name in every else name} is not as it was (PSI {one['psi']:.2f})."
        for name, one in found.items() if one["alarm"]
    ]  # fmt: skip
    if whole["alarm"]:
        alarms.append(f"Scores are not as they were (PSI {whole['psi']:.2f}).")
    return {"features": found, "scores": whole, "alarms": alarms}


def _champion(prediction: Prediction) -> PredictionModel:
    version = PredictionModel.objects.filter(prediction=prediction, status=PredictionModel.Status.CHAMPION).first()
    if version is None:
        raise NotPossible("No version is in use yet. Train, and switch one on.")
    return version


def _prediction(row: Run) -> Prediction:
    if row.prediction is None:
        raise NotPossible("The prediction was deleted.")
    return row.prediction
