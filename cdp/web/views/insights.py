"""Insights: RFM, groups of people, the features they are made of, and what an order is."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import RUN_INSIGHTS, wake
from cdp.pipeline.follow import follow_moves
from cdp.web import funnel_form, insights_charts
from cdp.web.access import action, page
from cdp.web.insights_forms import CombinedForm, FeatureForm, GroupingForm, NewGroupingForm, OrderForm
from cdp.web.insights_runs import run_state as run_state_of
from cdp.web.navigation import insights_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.suggestions import event_names
from insights import selectors, services
from insights.contracts import BadClustering, BadCohorts, BadFeature, BadSetting, NotPossible

# Kept features follow within seconds.
_LATE = timedelta(minutes=2)
_PAGES = {"rfm": "web:rfm", "cohorts": "web:cohorts", "recommendations": "web:recommendations",
          "lifetime": "web:lifetime", "engagement": "web:engagement", "sentiment": "web:features"}  # fmt: skip


@page("see")
def rfm(request: PageRequest) -> HttpResponse:
    """The heat map and the named segments of the newest RFM, and how far the next one is."""
    found = selectors.rfm()
    return render(
        request, "insights/rfm.html", tabs=insights_tabs("web:rfm"), found=found,
        chart=insights_charts.heat_map(found) if found else None, **run_state_of("rfm"),
    )  # fmt: skip


@page("see")
def cohorts(request: PageRequest) -> HttpResponse:
    """Who came back: a triangle of months or weeks, of people or of money; by the first order as a run counted it, or
    by the event in the address."""
    asked = request.GET.get("period", "")
    period = asked if asked in selectors.PERIODS else "month"
    money = request.GET.get("of") == "money"
    wrong = ""
    try:
        spec = funnel_form.cohorts_of(request.GET)
        found = selectors.first_behaviour(spec, period=period, now=request.now) if spec else selectors.cohorts(period)
    except BadCohorts as told:
        spec, found, wrong = None, None, funnel_form.told(told)
    return render(
        request, "insights/cohorts.html", tabs=insights_tabs("web:cohorts"), found=found, period=period, money=money,
        periods=selectors.PERIODS, q=request.GET, wrong=wrong, asked=spec, backs=selectors.BACK,
        came_back=selectors.BACK[spec.back] if spec else "",
        operators=selectors.OPERATORS, events=event_names(now=request.now),
        chart=insights_charts.cohorts(found, money=money, spec=spec) if found else None, **run_state_of("cohorts"),
        status=422 if wrong else 200,
    )  # fmt: skip


@page("see")
def run_state(request: PageRequest, kind: str, slug: str = "") -> HttpResponse:
    """How far the newest computation is; the page around it is loaded anew when it ends."""
    context = run_state_of(kind, slug)
    if request.htmx and not (context["run"] and context["run"].open):
        ended = HttpResponse(status=200)
        ended.headers["HX-Refresh"] = "true"
        return ended
    return render(request, "insights/run_state.html", **context)


@action("edit_segments")
def ask_run(request: PageRequest, kind: str, slug: str = "") -> HttpResponse:
    """Have a worker compute it as of now."""
    back = reverse("web:grouping", args=[slug]) if slug else reverse(_PAGES.get(kind, "web:rfm"))
    try:
        services.request_run(kind=kind, slug=slug, by=actor(request), now=request.now)
    except NotPossible as wrong:
        return not_found(request, str(wrong), reverse("web:groupings"))
    wake(RUN_INSIGHTS)
    return go(request, back)


@page("see", post="edit_segments")
def groupings(request: PageRequest) -> HttpResponse:
    """Every grouping, and a form for one more."""
    initial = {"features": ["recency_days", "frequency", "monetary"]}
    form = NewGroupingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _kept(request, form, form.cleaned_data["slug"]):
        slug = form.cleaned_data["slug"]
        services.request_run(kind="clusters", slug=slug, by=actor(request), now=request.now)
        wake(RUN_INSIGHTS)
        return go(request, reverse("web:grouping", args=[slug]))
    return render(
        request, "insights/groupings.html", tabs=insights_tabs("web:groupings"), groupings=selectors.clusterings(),
        form=form, status=422 if form.errors else 200,
    )  # fmt: skip


def _kept(request: PageRequest, form: GroupingForm, slug: str) -> bool:
    """Keep the grouping of a valid form; what is wrong with it is said at its field."""
    told = form.cleaned_data
    try:
        services.keep_clustering(
            slug=slug, name=told["name"], spec=form.spec(), every_days=told["every_days"], by=actor(request),
            now=request.now,
        )  # fmt: skip
    except BadClustering as wrong:
        _blame(form, wrong)
        return False
    return True


@page("see", post="edit_segments")
def grouping(request: PageRequest, slug: str) -> HttpResponse:
    """One grouping: its groups in words and pictures, how it came about, and another way to do it."""
    found = selectors.clustering(slug)
    if found is None:
        return not_found(request, "grouping", reverse("web:groupings"))
    initial = {
        **found.spec.to_json(), "name": found.name, "every_days": found.every_days,
        "sensitive": ", ".join(found.spec.sensitive),
    }  # fmt: skip
    form = GroupingForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _kept(request, form, slug):
        toast(request, "Kept. The next run follows it.")
        return go(request, reverse("web:grouping", args=[slug]))
    features, model = selectors.features(), found.model
    return render(
        request, "insights/grouping.html", found=found, form=form, features=features,
        rows=[_group_row(one, features) for one in model.clusters] if model else (),
        filled=[(name, share) for name, share in model.figures["filled"].items() if share] if model else (),
        profiles=insights_charts.profiles(model.clusters, features) if model else None,
        radar=insights_charts.radar(model.clusters, features) if model else None,
        bias=model.figures.get("bias") if model else None,
        titles={name: one.title for name, one in features.items()},
        trials=insights_charts.trials(model.figures["trials"]) if model else None,
        status=422 if form.errors else 200, **run_state_of("clusters", slug),
    )  # fmt: skip


def _group_row(group: Any, features: Any) -> tuple[Any, list[tuple[str, Any]]]:
    return group, [(features[name].title if name in features else name, one) for name, one in group.medians.items()]


@action("edit_segments")
def name_group(request: PageRequest, slug: str, cluster_id: str) -> HttpResponse:
    """Call a group by another name."""
    try:
        services.name_cluster(
            slug=slug, cluster_id=cluster_id, name=request.POST.get("name", ""), by=actor(request), now=request.now
        )
    except BadClustering as wrong:
        toast(request, f"Nothing was changed. {wrong}", bad=True)
    return go(request, reverse("web:grouping", args=[slug]))


@action("edit_segments")
def delete_grouping(request: PageRequest, slug: str) -> HttpResponse:
    """Delete a grouping and take its trait from everybody."""
    try:
        services.delete_clustering(slug=slug, by=actor(request), now=request.now, after=follow_moves)
        toast(request, "The grouping is deleted; nobody has its trait any more.")
    except BadClustering as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:groupings"))


@page("see", post="edit_segments")
def features(request: PageRequest) -> HttpResponse:
    """Every feature with its meaning, and a form to declare one."""
    combines = "combine" in request.POST
    form = FeatureForm(None if combines else request.POST or None)
    combined = CombinedForm(request.POST if combines else None, auto_id="c-%s")
    sent = combined if combines else form
    if request.method == "POST" and sent.is_valid():
        try:
            found = services.declare_feature(**sent.cleaned_data, by=actor(request), now=request.now)
        except BadFeature as wrong:
            _blame(sent, wrong)
        else:
            toast(request, _declared(found.name))
            return go(request, reverse("web:features"))
    return render(
        request, "insights/features.html", tabs=insights_tabs("web:features"), features=selectors.features(),
        declared=selectors.declared(), sentiment=selectors.sentiment_features(), form=form, combined=combined,
        events=event_names(now=request.now),
        status=422 if sent.errors else 200, **_kept_features(request), **run_state_of("sentiment"),
    )  # fmt: skip


def _declared(name: str) -> str:
    every = selectors.features()
    made = [one.title for one in every.values() if any(name == part.name for part in one.parts)]
    return f"{every[name].title} is declared." + (
        f" Made of it, and changed with it: {', '.join(made)}." if made else ""
    )


def _kept_features(request: PageRequest) -> dict[str, Any]:
    kept, upkeep = selectors.kept_features(), selectors.upkeep()
    late = upkeep.oldest_at is not None and request.now - upkeep.oldest_at > _LATE
    return {"kept": kept, "kept_names": {one.name for one in kept if not one.leaving}, "upkeep": upkeep,
            "kept_late": late}  # fmt: skip


@action("edit_segments")
def kept_feature(request: PageRequest, name: str) -> HttpResponse:
    """Keep a feature as a trait, or no longer."""
    drop = request.POST.get("do") == "drop"
    try:
        if drop:
            services.drop_kept_feature(name=name, by=actor(request), now=request.now)
            toast(request, f"{_title(name)} is kept no longer; its trait is being taken away.")
        else:
            made = services.keep_feature(name=name, by=actor(request), now=request.now)
            toast(request, f"{made.trait} is computed of everybody now, then kept fresh.")
    except BadFeature as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:features"))


def _title(name: str) -> str:
    found = selectors.features().get(name)
    return found.title if found else name


@action("edit_segments")
def remove_feature(request: PageRequest, name: str) -> HttpResponse:
    """Take a declared feature away."""
    try:
        services.remove_feature(name=name, by=actor(request), now=request.now)
        toast(request, f"The feature {name} is removed.")
    except BadFeature as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:features"))


@page("see", post="edit_segments")
def orders(request: PageRequest) -> HttpResponse:
    """What an order is here."""
    view = selectors.setting()
    initial = {**view.orders.to_json(), "amount": ", ".join(view.orders.amount)}
    form = OrderForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_setting(form.cleaned_data, by=actor(request), now=request.now)
            toast(request, "Kept. The next run looks at all orders anew.")
            return go(request, reverse("web:orders"))
        except BadSetting as wrong:
            _blame(form, wrong)
    return render(
        request, "insights/orders.html", tabs=insights_tabs("web:orders"), view=view, form=form,
        status=422 if form.errors else 200,
    )  # fmt: skip


def _blame(form: Any, wrong: ValueError) -> None:
    """Say what is wrong at the field that the message names."""
    field, _, message = str(wrong).partition(": ")
    form.add_error(field if message and field in form.fields else None, message or field)
