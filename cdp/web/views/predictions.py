"""Predictions: the wizard, versions with their model cards, scores, drift and what came true."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import RUN_INSIGHTS, wake
from cdp.pipeline.follow import follow_moves
from cdp.web import predictions_charts
from cdp.web.access import action, page
from cdp.web.navigation import prediction_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.predictions_form import BEGINNINGS, NewPredictionForm, PredictionForm, initial
from cdp.web.suggestions import event_names
from cdp.web.views.profiles import open_profile
from common.models import Job
from insights import selectors, services
from insights.contracts import (
    BadPrediction,
    Meter,
    NotPossible,
    PredictionSpec,
    PredictionView,
    RunView,
    ScoringView,
    VersionView,
)

_KINDS = ("training", "scoring", "online")


@page("see")
def predictions(request: PageRequest) -> HttpResponse:
    """Every prediction with how good it is and what is wrong with it."""
    return render(
        request, "insights/predictions.html", tabs=prediction_tabs("web:predictions"), found=selectors.predictions()
    )


@page("edit_segments", post="edit_segments")
def new(request: PageRequest) -> HttpResponse:
    """The wizard: say what, look whether there is enough to learn from, then have it trained."""
    begun = request.GET.get("as", "buy")
    name, told = BEGINNINGS.get(begun, BEGINNINGS["buy"])
    event = selectors.setting().orders.order_event if begun in ("buy", "churn") else ""
    start = {"name": name, "slug": begun, "event": event, "train_every_days": 14, "score_every_days": 1, **told}
    form, meter = NewPredictionForm(request.POST or None, initial={**start, "train_on_drift": True}), None
    if request.method == "POST" and form.is_valid():
        meter = _meter(request, form)
        slug = form.cleaned_data["slug"]
        if selectors.prediction(slug) is not None:
            form.add_error("slug", "There is a prediction of this slug; choose another.")
        elif "create" in request.POST and meter is not None and _kept(request, form, slug):
            services.request_run(kind="training", slug=slug, by=actor(request), now=request.now)
            wake(RUN_INSIGHTS)
            return go(request, reverse("web:prediction", args=[slug]))
    beginnings = [(key, label) for key, (label, _) in BEGINNINGS.items()]
    return render(
        request, "insights/new_prediction.html", form=form, meter=meter, beginnings=beginnings, begun=begun,
        events=event_names(now=request.now),
        status=422 if form.errors else 200,
    )  # fmt: skip


def _meter(request: PageRequest, form: PredictionForm) -> Meter | None:
    """Whether there is enough to learn from; what is wrong with the form is said at its field."""
    try:
        return selectors.meter_of(PredictionSpec.from_json(form.spec()), now=request.now)
    except (BadPrediction, NotPossible) as wrong:
        _blame(form, wrong)
        return None


def _kept(request: PageRequest, form: PredictionForm, slug: str) -> bool:
    told = form.cleaned_data
    try:
        services.keep_prediction(slug=slug, name=told["name"], spec=form.spec(), by=actor(request), now=request.now)
    except BadPrediction as wrong:
        _blame(form, wrong)
        return False
    return True


@page("see", post="edit_segments")
def prediction(request: PageRequest, slug: str) -> HttpResponse:
    """One prediction: the version in use, tenths of the last scoring, drift, versions, and another way to do it."""
    found = selectors.prediction(slug)
    if found is None:
        return not_found(request, "prediction", reverse("web:predictions"))
    form = PredictionForm(request.POST or None, initial=initial(found.name, found.spec))
    if request.method == "POST" and form.is_valid() and _kept(request, form, slug):
        toast(request, "Kept. The next training follows it.")
        return go(request, reverse("web:prediction", args=[slug]))
    features, newest = selectors.features(), found.scorings[0] if found.scorings else None
    came = next((one for one in found.scorings if one.outcome and one.outcome["people"]), None)
    return render(
        request, "insights/prediction.html", found=found, form=form, newest=newest, came=came,
        events=event_names(now=request.now),
        cohorts=predictions_charts.deciles("scores", "People by tenths of the last scores", newest.deciles)
        if newest else None,
        outcome=predictions_charts.deciles("outcome", "What came true", came.outcome["deciles"])
        if came and came.outcome else None,
        drift=_drift_rows(newest, features) if newest else (),
        status=422 if form.errors else 200, **_run_state(found),
    )  # fmt: skip


def _drift_rows(newest: ScoringView, features: Any) -> list[tuple[str, Any]]:
    rows = [(features[name].title if name in features else name, one) for name, one in newest.drift["features"].items()]
    return [("Scores", newest.drift["scores"]), *sorted(rows, key=lambda row: -row[1]["psi"])]


@page("see")
def card(request: PageRequest, slug: str, version: int) -> HttpResponse:
    """The model card of one version."""
    found = selectors.prediction(slug)
    one = next((row for row in found.versions if row.version == version), None) if found else None
    if found is None or one is None:
        return not_found(request, "version", reverse("web:predictions"))
    told, features = one.figures, selectors.features()
    holdout = told["holdout"]
    return render(
        request, "insights/model_card.html", found=found, one=one, told=told, holdout=holdout, window=_window(one),
        spec=PredictionSpec.from_json(told["spec"]), fairness=told["fairness"].items(),
        left_out=[features[name].title if name in features else name for name in told["left_out"]],
        titles={name: one.title for name, one in features.items()},
        deciles=predictions_charts.deciles("deciles", "Tenths of the hold-out", holdout["deciles"]),
        reliability=predictions_charts.reliability(holdout["reliability"]),
        importance=predictions_charts.importance(told["importance"], features),
    )  # fmt: skip


def _window(one: VersionView) -> dict[str, Any]:
    from common.clock import from_micros

    told = one.figures["window"]
    return {
        "from": from_micros(told["cutoffs"][0]), "until": from_micros(told["ends"]), "cutoffs": len(told["cutoffs"])
    }  # fmt: skip


@page("see")
def run_state(request: PageRequest, slug: str) -> HttpResponse:
    """How far the newest computation is; the page around it is loaded anew when it ends."""
    found = selectors.prediction(slug)
    if found is None:
        return not_found(request, "prediction", reverse("web:predictions"))
    context = _run_state(found)
    if request.htmx and not (context["run"] and context["run"].open):
        ended = HttpResponse(status=200)
        ended.headers["HX-Refresh"] = "true"
        return ended
    return render(request, "insights/run_state.html", **context)


def _run_state(found: PredictionView) -> dict[str, Any]:
    runs = [run for kind in _KINDS for run in [selectors.newest_run(kind, found.slug)] if run is not None]
    run: RunView | None = max(runs, key=lambda one: (one.open, one.id), default=None)
    return {
        "run": run, "job": Job.objects.filter(pk=run.job_id or 0).first() if run else None,
        "state_address": reverse("web:prediction_run", args=[found.slug]),
    }  # fmt: skip


@action("edit_segments")
def ask(request: PageRequest, slug: str, kind: str) -> HttpResponse:
    """Have a worker train it, or score everybody."""
    try:
        if kind not in _KINDS:
            raise NotPossible("Ask for training, scoring or online.")
        services.request_run(kind=kind, slug=slug, by=actor(request), now=request.now)
    except NotPossible as wrong:
        return not_found(request, str(wrong), reverse("web:predictions"))
    wake(RUN_INSIGHTS)
    return go(request, reverse("web:prediction", args=[slug]))


@action("edit_segments")
def activate(request: PageRequest, slug: str, version: int) -> HttpResponse:
    """Switch a version on, and score by it."""
    try:
        services.activate_version(slug=slug, version=version, by=actor(request), now=request.now)
        _score_again(request, slug)
        toast(request, f"Version {version} is on. Everybody is scored by it now.")
    except (BadPrediction, services.Tampered) as wrong:
        toast(request, f"Nothing was changed. {wrong}", bad=True)
    return go(request, reverse("web:prediction", args=[slug]))


@action("edit_segments")
def roll_back(request: PageRequest, slug: str) -> HttpResponse:
    """Back to the version that was in use before."""
    try:
        version = services.roll_back(slug=slug, by=actor(request), now=request.now)
        _score_again(request, slug)
        toast(request, f"Version {version} is on again. Everybody is scored by it now.")
    except (BadPrediction, services.Tampered) as wrong:
        toast(request, f"Nothing was changed. {wrong}", bad=True)
    return go(request, reverse("web:prediction", args=[slug]))


def _score_again(request: PageRequest, slug: str) -> None:
    services.request_run(kind="scoring", slug=slug, by=actor(request), now=request.now)
    wake(RUN_INSIGHTS)


@action("edit_segments")
def delete(request: PageRequest, slug: str) -> HttpResponse:
    """Delete a prediction and take its traits from everybody."""
    try:
        services.delete_prediction(slug=slug, by=actor(request), now=request.now, after=follow_moves)
        toast(request, "The prediction is deleted; nobody has its traits any more.")
    except BadPrediction as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:predictions"))


@page("see")
def profile_scores(request: PageRequest, profile_id: int) -> HttpResponse:
    """One person's scores as of now, each with its reasons."""
    context = open_profile(request, profile_id, "web:profile_scores")
    if isinstance(context, HttpResponse):
        return context
    rows, damaged = [], []
    for one in selectors.predictions():
        try:
            scores = selectors.score_profiles(one.slug, [profile_id], now=request.now)
        except services.Tampered as wrong:
            damaged.append((one, str(wrong)))
            continue
        rows += [(one, score) for score in scores or ()]
    try:
        engagement = selectors.engagement_of(profile_id, now=request.now)
    except NotPossible as wrong:
        engagement = None
        toast(request, str(wrong), bad=True)
    try:
        worth = selectors.lifetime_of(profile_id)
    except (NotPossible, services.Tampered) as wrong:
        worth = None
        toast(request, str(wrong), bad=True)
    return render(
        request, "profiles/scores.html", rows=rows, damaged=damaged, engagement=engagement, worth=worth, **context
    )


def _blame(form: PredictionForm, wrong: ValueError) -> None:
    """Say what is wrong at the field that the message names."""
    field, _, message = str(wrong).partition(": ")
    field = "filters" if field == "where" else field
    form.add_error(field if message and field in form.fields else None, message or str(wrong))
