"""Computations over the whole base: asked for, done by one worker at a time, and safe to do again.

A worker that is killed leaves its run waiting and its lock free; the next one does it again as of the same instant,
with the same outcome. Until a run has ended, what the one before has written and its model go on serving.
"""

import logging
from contextlib import closing
from datetime import datetime, timedelta

import psycopg
from django.db import InterfaceError, OperationalError, transaction

from common import audit, jobs, pg
from common.clock import Ticker
from insights.alarms import tell_alarms
from insights.clusters.computing import group
from insights.clusters.contracts import BadClustering
from insights.clusters.grouping import Tampered
from insights.cohorts import computing as cohorts
from insights.contracts import BadSetting, NotPossible, OrderSetting, RunView
from insights.engagement.computing import engage
from insights.features.contracts import BadFeature
from insights.features.reading import expect_one_currency, features_of
from insights.features.tones import sentiment_wanted, tell_sentiment
from insights.lifetime.computing import value_customers
from insights.models import Clustering, Prediction, Run
from insights.predictions import computing as predictions
from insights.predictions.contracts import BadPrediction
from insights.predictions.services import due as predictions_due
from insights.recommendations.computing import recommend_all
from insights.recommendations.contracts import BadRecommendation
from insights.rfm import computing as rfm
from insights.settings import setting
from insights.writing import After, write_traits

log = logging.getLogger(__name__)

# One computation of a kind at a time. "insi" in ASCII; the number is the clustering's, 0 for what is of none.
_LOCK = 0x696E7369
# Of predictions by their number: "inpr".
_LOCK_PREDICTION = 0x696E7072
_DAILY = timedelta(days=1)
BEAT = "the clock"
_OF_PREDICTIONS = {Run.Kind.TRAINING: "Training", Run.Kind.SCORING: "Scoring", Run.Kind.ONLINE: "Online learning of"}
# Computed of everybody anew each day from the first time on, with the names that people read.
_OF_ALL = {
    Run.Kind.RFM: "RFM",
    Run.Kind.COHORTS: "Cohorts",
    Run.Kind.RECOMMENDATIONS: "Recommendations",
    Run.Kind.LIFETIME: "Lifetime value",
    Run.Kind.ENGAGEMENT: "Engagement",
    Run.Kind.SENTIMENT: "Sentiment",
}


@transaction.atomic
def request_run(
    *, kind: str, by: str, now: datetime, slug: str = "", as_of: datetime | None = None, via: str = "ui"
) -> RunView:  # fmt: skip
    """Have something computed of everybody by a worker; `as_of` is now when it is left out. What already waits is not
    asked for twice. Raises NotPossible."""
    if as_of is not None and as_of > now:
        raise NotPossible("as_of: choose an instant that has passed.")
    clustering, prediction = _subject(kind, slug)
    waiting = Run.objects.filter(
        kind=kind, clustering=clustering, prediction=prediction, state=Run.State.WAITING
    ).first()
    if waiting is not None:
        return run_view(waiting)
    title = _title(kind, clustering, prediction)
    row = Run.objects.create(
        kind=kind, clustering=clustering, prediction=prediction, as_of=as_of or now, orders=setting().orders.to_json(),
        job_id=jobs.start("insights", title[:200], by=by), requested_by=by, requested_at=now,
    )  # fmt: skip
    if by != BEAT:
        audit.record(
            actor=by, via=via, action="insights.run", object_type="insights_run", object_id=row.pk, at=now,
            summary=f"Asked for {title}",
        )  # fmt: skip
    return run_view(row)


def _subject(kind: str, slug: str) -> tuple[Clustering | None, Prediction | None]:
    """What the run is of, held until it is asked for. Raises NotPossible."""
    if kind == Run.Kind.CLUSTERS:
        clustering = Clustering.objects.select_for_update().filter(slug=slug).first()
        if clustering is None:
            raise NotPossible(f"There is no grouping called {slug}.")
        return clustering, None
    if kind in _OF_PREDICTIONS:
        prediction = Prediction.objects.select_for_update().filter(slug=slug).first()
        if prediction is None:
            raise NotPossible(f"There is no prediction called {slug}.")
        return None, prediction
    if kind not in _OF_ALL:
        raise NotPossible(f"kind: {', '.join(Run.Kind.values)}.")
    return None, None


def _title(kind: str, clustering: Clustering | None, prediction: Prediction | None) -> str:
    if prediction is not None:
        return f"{_OF_PREDICTIONS[Run.Kind(kind)]} {prediction.name}"
    return f"Grouping {clustering.name}" if clustering else _OF_ALL[Run.Kind(kind)]


def runs_wait() -> bool:
    """Whether anything waits to be computed."""
    return Run.objects.filter(state=Run.State.WAITING).exists()


def run_waiting(*, now: datetime, after: After) -> int:
    """Do everything that waits; answers how many came to an end. `after` lets segments and syncs follow."""
    ended, ticker = 0, Ticker(now)
    for row_id in Run.objects.filter(state=Run.State.WAITING).order_by("pk").values_list("pk", flat=True):
        with closing(pg.connect(autocommit=True)) as conn:
            rows = Run.objects.select_related("clustering", "prediction")
            row = rows.filter(pk=row_id, state=Run.State.WAITING).first()
            if row is not None and pg.try_lock(conn, *_lock_of(row)):
                row.refresh_from_db()
                if row.state == Run.State.WAITING:
                    _work(row, ticker, after)
                    ended += 1
    return ended


def _lock_of(row: Run) -> tuple[int, int]:
    return (_LOCK_PREDICTION, row.prediction_id) if row.prediction_id else (_LOCK, row.clustering_id or 0)


def plan_runs(*, now: datetime) -> int:
    """Ask for what is due: what is computed of everybody daily from its first time on, groupings and predictions as
    often as each says, and training early when people have changed. Answers how many were asked for."""
    asked = 0
    for kind in _OF_ALL:
        newest = Run.objects.filter(kind=kind).order_by("-pk").first()
        if kind == Run.Kind.SENTIMENT and not sentiment_wanted():
            continue
        if newest is not None and newest.requested_at <= now - _DAILY and newest.state != Run.State.WAITING:
            request_run(kind=kind, by=BEAT, now=now)
            asked += 1
    for clustering in Clustering.objects.exclude(every_days=None):
        newest = Run.objects.filter(clustering=clustering).order_by("-pk").first()
        period = timedelta(days=clustering.every_days or 1)
        if newest is None or (newest.state != Run.State.WAITING and newest.requested_at <= now - period):
            request_run(kind=Run.Kind.CLUSTERS, slug=clustering.slug, by=BEAT, now=now)
            asked += 1
    for kind_due, slug in predictions_due(now=now):
        request_run(kind=kind_due, slug=slug, by=BEAT, now=now)
        asked += 1
    return asked


def _work(row: Run, ticker: Ticker, after: After) -> None:
    try:
        jobs.progress(row.job_id or 0, 0, stage="reading features")
        _compute(row, ticker(), after)
        _end(row, Run.State.DONE, at=ticker())
    except jobs.Cancelled:
        _end(row, Run.State.CANCELLED, at=ticker())
    except (NotPossible, BadFeature, BadSetting, BadClustering, BadPrediction, BadRecommendation, Tampered) as wrong:
        _end(row, Run.State.FAILED, at=ticker(), error=str(wrong))
    except (InterfaceError, OperationalError, psycopg.InterfaceError, psycopg.OperationalError):
        # It stays waiting: the next worker does it again.
        log.exception("run %s was cut off", row.pk)
    except Exception as error:
        log.exception("run %s failed", row.pk)
        told = f"It could not go on: {type(error).__name__}. The log of the worker says more."
        _end(row, Run.State.FAILED, at=ticker(), error=told)


def _compute(row: Run, now: datetime, after: After) -> None:
    match row.kind:
        case Run.Kind.RFM:
            _score(row, now, after)
        case Run.Kind.COHORTS:
            _count(row)
        case Run.Kind.RECOMMENDATIONS:
            recommend_all(row, now=now)
        case Run.Kind.TRAINING | Run.Kind.SCORING | Run.Kind.ONLINE:
            predictions.work(row, now=now, after=after)
        case Run.Kind.LIFETIME:
            value_customers(row, now=now, after=after)
        case Run.Kind.ENGAGEMENT:
            engage(row, now=now, after=after)
        case Run.Kind.SENTIMENT:
            tell_sentiment(row, now=now, after=after)
        case _:
            group(row, now=now, after=after)


def _score(row: Run, now: datetime, after: After) -> None:
    orders = OrderSetting.from_json(row.orders)
    currency = expect_one_currency(orders=orders, as_of=row.as_of)
    table = features_of(rfm.FEATURES, as_of=row.as_of, buyers=True, orders=orders)
    if not len(table):
        raise NotPossible(
            f"Nobody has an order by then: no event “{orders.order_event}” that is worth anything came before. Say what"
            " an order is under Insights, Orders."
        )
    traits = rfm.score(table)
    write_traits(
        profile_ids=table.profile_ids, columns=traits, run_id=row.pk, now=now, after=after, job_id=row.job_id
    )  # fmt: skip
    row.figures = {**rfm.figures(table, traits), "currency": currency}


def _count(row: Run) -> None:
    orders = OrderSetting.from_json(row.orders)
    currency = expect_one_currency(orders=orders, as_of=row.as_of)
    row.figures = {**cohorts.figures(orders=orders, as_of=row.as_of), "currency": currency}


@transaction.atomic
def _end(row: Run, state: str, *, at: datetime, error: str = "") -> None:
    Run.objects.filter(pk=row.pk).update(state=state, error=error, finished_at=at, figures=row.figures)
    if state == Run.State.DONE:
        tell_alarms(row, now=at)
    counts = {"people": row.figures.get("people", 0)} if state == Run.State.DONE else {}
    jobs.finish(row.job_id or 0, counts=counts, error=error)


def run_view(row: Run) -> RunView:
    """The contract of one row."""
    return RunView(
        row.pk, row.kind, row.clustering.slug if row.clustering else "", row.state, row.as_of, row.requested_by,
        row.requested_at, row.finished_at, row.job_id, row.error, int(row.figures.get("people", 0)),
        row.prediction.slug if row.prediction else "",
    )  # fmt: skip
