"""Experiments: what is compared, how it stands, and what to do."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from campaigns import selectors, services
from campaigns.contracts import ArmFigure, ExperimentView, InvalidExperiment, MetricResult, NotNow
from cdp.nudge import ANALYSE_EXPERIMENTS, wake
from cdp.web.access import action, page
from cdp.web.experiment_form import ExperimentForm, HoldoutForm, PlanForm
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from segments import selectors as segments

_WIDTH = 200.0


@page("see")
def experiments(request: PageRequest) -> HttpResponse:
    """All of them, and how many people one needs."""
    plan = PlanForm(request.GET if "base" in request.GET else None)
    needed = None
    if plan.is_bound and plan.is_valid():
        given = plan.cleaned_data
        try:
            needed = services.people_needed(
                base=given["base"] / 100, lift=given["lift"] / 100, effect=None, alpha=0.05, power=0.8
            )
        except InvalidExperiment:
            plan.add_error("lift", "More than everybody would have to do it. Ask for a smaller rise.")
    return render(
        request, "experiments/list.html", experiments=selectors.experiments(), plan=plan, needed=needed,
        status=422 if plan.errors else 200,
    )  # fmt: skip


@page("edit_campaigns", post="edit_campaigns")
def new_experiment(request: PageRequest) -> HttpResponse:
    """A draft."""
    form = ExperimentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_experiment(**form.asked(), owner=actor(request), by=actor(request), now=request.now)
        except InvalidExperiment as wrong:
            for where, what in wrong.problems.items():
                name = where.split("/")[1]
                form.add_error(name if name in form.fields else None, what)
        else:
            toast(request, "It is a draft. Start it when whoever shows the variants is ready.")
            return go(request, reverse("web:experiment", args=[made.id]))
    return render(request, "experiments/new.html", form=form, status=422 if form.errors else 200)


@page("edit_campaigns", post="edit_campaigns")
def new_holdout(request: PageRequest) -> HttpResponse:
    """A draft of a holdout."""
    form = HoldoutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.create_holdout(**form.asked(), by=actor(request), now=request.now)
        except InvalidExperiment as wrong:
            for where, what in wrong.problems.items():
                name = where.split("/")[1]
                form.add_error(name if name in form.fields else None, what)
        else:
            toast(request, "It is a draft. Start it: from then on these people get nothing personal.")
            return go(request, reverse("web:experiment", args=[made.id]))
    return render(request, "experiments/holdout.html", form=form, status=422 if form.errors else 200)


@page("see")
def experiment(request: PageRequest, experiment_id: int) -> HttpResponse:
    """How it stands: health first, then what to do, then the figures."""
    found = selectors.experiment(experiment_id)
    if found is None:
        return not_found(request, "experiment", reverse("web:experiments"))
    newest = next(iter(selectors.results(found.id, limit=1)), None)
    segment = segments.segment(found.segment_id) if found.segment_id is not None else None
    return render(
        request, "experiments/one.html", experiment=found, result=newest, segment=segment,
        host=f"{request.scheme}://{request.get_host()}",
        metrics=[_drawn(found, one) for one in newest.metrics] if newest else [],
    )  # fmt: skip


@action("edit_campaigns")
def steer_experiment(request: PageRequest, experiment_id: int) -> HttpResponse:
    """Start, stop, let more people take part, or measure now."""
    found = selectors.experiment(experiment_id)
    if found is None:
        return not_found(request, "experiment", reverse("web:experiments"))
    try:
        told = _steer(request, found)
    except (InvalidExperiment, NotNow, ValueError) as wrong:
        toast(request, str(wrong), bad=True)
    else:
        toast(request, told)
    return go(request, reverse("web:experiment", args=[found.id]))


def _steer(request: PageRequest, found: ExperimentView) -> str:
    by, now = actor(request), request.now
    match request.POST.get("do"):
        case "start":
            services.start_experiment(found.id, by=by, now=now)
            return "It runs. People are assigned from now on."
        case "stop":
            services.stop_experiment(found.id, winner=request.POST.get("winner", ""), by=by, now=now)
            wake(ANALYSE_EXPERIMENTS)
            return "It has ended, and is measured once more."
        case "traffic":
            services.change_experiment(found.id, {"traffic": int(request.POST.get("traffic", ""))}, by=by, now=now)
            return "More people take part. Nobody has moved from one variant to another."
        case _:
            wake(ANALYSE_EXPERIMENTS)
            return "It is measured now; the figures are here in some seconds."


@dataclass(frozen=True, slots=True)
class _Bar:
    """An interval as a drawing `_WIDTH` wide, zero in the middle."""

    left: str
    width: str
    point: str


def _drawn(experiment: ExperimentView, metric: MetricResult) -> dict[str, object]:
    names = {one.key: one.name for one in experiment.variants}
    reach = max((abs(edge) for arm in metric.arms for edge in (arm.low, arm.high) if edge is not None), default=0) or 1
    kind = next(one.kind for one in experiment.metrics if one.name == metric.metric)
    arms = [
        {"name": names.get(arm.variant, arm.variant), "figure": arm, "bar": _bar(arm, reach)} for arm in metric.arms
    ]
    return {"name": metric.metric, "guardrail": metric.guardrail, "adjusted": metric.adjusted, "arms": arms,
            "limit": metric.limit,            "share": kind == "conversion"}  # fmt: skip


def _bar(arm: ArmFigure, reach: float) -> _Bar | None:
    if arm.low is None or arm.high is None or arm.lift is None:
        return None
    low, point, high = (_WIDTH / 2 * (1 + value / reach) for value in (arm.low, arm.lift, arm.high))
    return _Bar(f"{low:.1f}", f"{high - low:.1f}", f"{point:.1f}")
