"""Making, running and analysing experiments."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.text import slugify

from campaigns.bandits.models import Bandit
from campaigns.contracts import ExperimentView, InvalidExperiment, NotNow, ResultView
from campaigns.experiments import exposing
from campaigns.experiments.checking import check_numbers, read_metrics, read_variants
from campaigns.experiments.deciding import HELD_OUT
from campaigns.experiments.models import Experiment, ExperimentResult
from campaigns.experiments.selectors import view
from common import audit
from insights import services as insights
from segments import selectors as segments

# Of a running experiment only this may change: all else would mix two experiments into one.
_WHILE_RUNNING = frozenset({"name", "hypothesis", "owner", "traffic"})
_KEPT_RESULTS = 500


@transaction.atomic
def create_experiment(
    *, name: str, variants: Any, metrics: Any, by: str, now: datetime, slug: str = "", hypothesis: str = "",
    owner: str = "", traffic: int = 100, segment_id: int | None = None, sequential: bool = True, alpha: float = 0.05,
    expected: int = 5_000, kind: str = "test", correction: str = "holm", via: str = "ui",
) -> ExperimentView:  # fmt: skip
    """A draft. Raises InvalidExperiment with what is wrong, by JSON pointer."""
    wanted = slug or slugify(name)[:80]
    if not name.strip():
        raise InvalidExperiment({"/name": "Give it a name."})
    # Bandits put the same event into the log.
    if not wanted or Experiment.objects.filter(slug=wanted).exists() or Bandit.objects.filter(slug=wanted).exists():
        raise InvalidExperiment({"/slug": "There is an experiment of this name. Choose another."})
    _expect_segment(segment_id)
    check_numbers(traffic=traffic, alpha=alpha, expected=expected, correction=correction)
    row = Experiment.objects.create(
        slug=wanted, name=name.strip(), hypothesis=hypothesis, owner=owner, seed=secrets.token_hex(16), traffic=traffic,
        segment_id=segment_id, variants=msgspec.to_builtins(read_variants(variants)),
        metrics=msgspec.to_builtins(read_metrics(metrics)), sequential=sequential, alpha=alpha, expected=expected,
        kind=kind, correction=correction,
        source_id=exposing.source(by=by, now=now, via=via), created_by=by, created_at=now,
    )  # fmt: skip
    _note(row, "create", "Made the experiment", by=by, now=now, via=via)
    return view(row)


@transaction.atomic
def change_experiment(
    experiment_id: int, changes: Mapping[str, Any], *, by: str, now: datetime, via: str = "ui"
) -> ExperimentView:  # fmt: skip
    """Change a draft, or of a running one its words, or let more people take part. Raises InvalidExperiment, NotNow."""
    row = _locked(experiment_id)
    told = dict(changes)
    if row.state == Experiment.State.RUNNING and (fixed := set(told) - _WHILE_RUNNING):
        raise NotNow(f"It runs: {', '.join(sorted(fixed))} cannot be changed any more. Stop it and make another.")
    if row.state == Experiment.State.STOPPED:
        raise NotNow("It has ended. Make another one.")
    if row.state == Experiment.State.RUNNING and told.get("traffic", row.traffic) < row.traffic:
        raise NotNow("Fewer people would take part: those who saw a variant would lose it. Stop it instead.")
    _expect_segment(told.get("segment_id"))
    for name, read in (("variants", read_variants), ("metrics", read_metrics)):
        if name in told:
            told[name] = msgspec.to_builtins(read(told[name]))
    for name, value in told.items():
        setattr(row, name, value)
    check_numbers(
        traffic=row.traffic, alpha=row.alpha, expected=row.expected, correction=row.correction
    )  # fmt: skip
    row.save(update_fields=sorted(told))
    _note(row, "change", "Changed the experiment", by=by, now=now, via=via, after=told)
    return view(row)


@transaction.atomic
def start_experiment(experiment_id: int, *, by: str, now: datetime, via: str = "ui") -> ExperimentView:
    """From now on people are assigned. Raises NotNow for one that is no draft."""
    row = _locked(experiment_id)
    if row.state != Experiment.State.DRAFT:
        raise NotNow("Only a draft can be started.")
    row.state, row.started_at = Experiment.State.RUNNING, now
    row.save(update_fields=["state", "started_at"])
    _note(row, "start", "Started the experiment", by=by, now=now, via=via)
    _put_on_time_line(row, "began", by=by, now=now, via=via)
    return view(row)


@transaction.atomic
def stop_experiment(
    experiment_id: int, *, winner: str, by: str, now: datetime, via: str = "ui"
) -> ExperimentView:  # fmt: skip
    """Nobody is assigned any more; everybody gets the `winner`, or what there was before when it is empty."""
    row = _locked(experiment_id)
    if row.state != Experiment.State.RUNNING:
        raise NotNow("It does not run.")
    if winner and winner not in {one["key"] for one in row.variants}:
        raise InvalidExperiment({"/winner": "There is no such variant."})
    row.state, row.ended_at, row.winner = Experiment.State.STOPPED, now, winner
    row.save(update_fields=["state", "ended_at", "winner"])
    _note(row, "stop", "Stopped the experiment", by=by, now=now, via=via, after={"winner": winner})
    _put_on_time_line(row, "ended", by=by, now=now, via=via)
    return view(row)


def create_holdout(
    *, name: str, percent: float, metrics: Any, by: str, now: datetime, slug: str = "", expected: int = 5_000,
    via: str = "ui",
) -> ExperimentView:  # fmt: skip
    """A draft of a holdout. Once it runs, `percent` of all people get no experiment that starts after it, and of every
    slot the default content. Raises InvalidExperiment."""
    if not 0.1 <= percent <= 50:
        raise InvalidExperiment({"/percent": "Give a percentage of 0.1 to 50; 5 is usual."})
    variants = [
        {"key": HELD_OUT, "name": "Held out", "weight": percent},
        {"key": "treated", "name": "Everybody else", "weight": 100 - percent},
    ]
    return create_experiment(
        name=name, variants=variants, metrics=metrics, by=by, now=now, slug=slug, expected=expected, kind="holdout",
        via=via,
    )  # fmt: skip


def analyse(experiment_id: int, *, now: datetime) -> ResultView:
    """Measure and judge, and keep it. Raises NotNow for a draft."""
    from campaigns.experiments import measuring  # loads scipy: only where something is measured
    from campaigns.experiments.judging import judge

    experiment = view(Experiment.objects.get(pk=experiment_id))
    if experiment.started_at is None:
        raise NotNow("It has not begun.")
    counts, contaminated = measuring.people(experiment, until=now)
    sums = [measuring.samples(experiment, metric, until=now) for metric in experiment.metrics]
    found = judge(experiment, counts=counts, contaminated=contaminated, sums=sums, now=now)
    ExperimentResult.objects.create(experiment_id=experiment_id, at=now, figures=msgspec.to_builtins(found))
    old = ExperimentResult.objects.filter(experiment_id=experiment_id).order_by("-at").values("pk")[_KEPT_RESULTS:]
    ExperimentResult.objects.filter(pk__in=list(old.values_list("pk", flat=True))).delete()
    return found


def analyse_due(*, now: datetime) -> int:
    """Analyse every experiment that runs, or has ended since it was analysed last; answers how many."""
    newest = ExperimentResult.objects.filter(experiment=OuterRef("pk")).order_by("-at").values("at")[:1]
    begun = Experiment.objects.exclude(state=Experiment.State.DRAFT).annotate(measured_at=Subquery(newest))
    due = begun.filter(Q(ended_at=None) | Q(measured_at=None) | Q(measured_at__lt=F("ended_at")))
    ids = list(due.order_by("pk").values_list("pk", flat=True))
    for experiment_id in ids:
        analyse(experiment_id, now=now)
    return len(ids)


def people_needed(
    *, base: float | None, lift: float | None, effect: float | None, alpha: float, power: float
) -> int:  # fmt: skip
    """People a variant for a plan: to see a share `base` rise by `lift`, or a mean by `effect` standard deviations.

    Raises InvalidExperiment for a plan that no number of people fits."""
    from campaigns.experiments import statistics

    try:
        if effect is not None:
            return statistics.people_for_means(effect, alpha=alpha, power=power)
        if base is not None and lift is not None:
            return statistics.people_for_shares(base, lift, alpha=alpha, power=power)
    except ValueError as wrong:
        raise InvalidExperiment({"/lift": f"{wrong}."}) from None
    raise InvalidExperiment({"/base": "Give `base` and `lift`, or `effect`."})


def _expect_segment(segment_id: int | None) -> None:
    if segment_id is not None and segments.segment(segment_id) is None:
        raise InvalidExperiment({"/segment_id": "There is no such segment."})


def _locked(experiment_id: int) -> Experiment:
    return Experiment.objects.select_for_update().get(pk=experiment_id)


def _note(
    row: Experiment, action: str, words: str, *, by: str, now: datetime, via: str,
    after: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    audit.record(
        actor=by, via=via, action=f"experiment.{action}", object_type="experiment", object_id=row.pk, at=now,
        summary=f"{words} {row.name}", after=dict(after or {}),
    )  # fmt: skip


def _put_on_time_line(row: Experiment, what: str, *, by: str, now: datetime, via: str) -> None:
    insights.annotate(
        at=now, kind="experiment", text=f"{row.name} {what}", by=by, now=now, via=via, link=f"/experiments/{row.pk}/",
        key=f"experiment:{row.pk}:{what}",
    )  # fmt: skip
