"""Recommendations: how good they are, what somebody would be offered, the catalogue, and rules."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.api import references
from cdp.web import recommendation_charts
from cdp.web.access import action, page
from cdp.web.insights_runs import run_state
from cdp.web.navigation import prediction_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.recommendation_forms import CatalogueForm, RecommendationForm
from cdp.web.views.profiles import open_profile
from insights import selectors, services
from insights.contracts import BadRecommendation

_RUNS_SHOWN = 20
_MEASURES = (
    ("ndcg", "NDCG at 10", "how high in the list stands what people then touched; 1 is perfect"),
    ("recall", "Recall at 10", "share of what people then touched that was in the list"),
    ("precision", "Precision at 10", "share of the list that people then touched"),
    ("coverage", "Coverage", "share of the catalogue that anybody is offered"),
    ("novelty", "Novelty, in bits", "how little known the offered items are"),
    ("diversity", "Diversity", "how different the categories within a list are"),
    ("serendipity", "Serendipity", "share of the list that is right and that popularity would not have offered"),
)


@page("see")
def recommendations(request: PageRequest) -> HttpResponse:
    """The version that is live, beside popularity and run by run."""
    versions = selectors.recommenders(limit=_RUNS_SHOWN)
    live = next((one for one in versions if one.live), None)
    measures = live.figures["measures"] if live else {}
    rows = [
        (name, words, measures["model"][key], measures["popular"][key]) for key, name, words in _MEASURES
    ] if measures and measures["model"]["people"] else []  # fmt: skip
    return render(
        request, "recommendations/overview.html", tabs=prediction_tabs("web:recommendations"), live=live, rows=rows,
        versions=versions, items=selectors.count_items(),
        chart=recommendation_charts.runs(versions) if len(versions) > 1 else None,
        trials=recommendation_charts.trials(live.figures["trials"]) if live and live.figures["trials"] else None,
        **run_state("recommendations"),
    )  # fmt: skip


@page("see")
def try_recommendations(request: PageRequest) -> HttpResponse:
    """What a person, or whoever looks at an item, would be offered now."""
    who, item = request.GET.get("who", "").strip()[:600], request.GET.get("item", "").strip()[:200]
    profile = references.profile_id(who) if who else None
    asked = "who" in request.GET or "item" in request.GET
    found = selectors.recommend(
        profile_id=profile, context=[item] if item else [], count=12, now=request.now
    ) if asked else None  # fmt: skip
    return render(
        request, "recommendations/try.html", tabs=prediction_tabs("web:try_recommendations"), found=found, who=who,
        item=item, unknown=bool(who) and profile is None, profile=profile,
    )  # fmt: skip


@page("see", post="edit_segments")
def catalogue(request: PageRequest) -> HttpResponse:
    """The items, page by page, and a form to take in a file of them."""
    form = CatalogueForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            kept = services.import_items(form.cleaned_data["file"], by=actor(request), now=request.now)
            toast(request, f"{kept:,} items are in the catalogue. What is like them is known after the next run.")
            return go(request, reverse("web:catalogue"))
        except BadRecommendation as wrong:
            form.add_error("file", str(wrong).partition(": ")[2])
    search, category = request.GET.get("q", "").strip()[:200], request.GET.get("category", "")
    start = request.GET.get("after", "")
    after = int(start) if start.isascii() and start.isdecimal() and len(start) < 19 else 0
    found, more = selectors.items(search=search, category=category, after=after)
    return render(
        request, "recommendations/catalogue.html", tabs=prediction_tabs("web:catalogue"), items=found, more=more,
        search=search, category=category, categories=selectors.categories(), form=form, started=bool(after),
        count=selectors.count_items(), status=422 if form.errors else 200,
    )  # fmt: skip


@action("edit_segments")
def remove_item(request: PageRequest) -> HttpResponse:
    """Take an item out of the catalogue."""
    key = request.POST.get("item", "")
    if services.remove_items([key], by=actor(request), now=request.now):
        toast(request, f"{key} is out of the catalogue.")
    return go(request, reverse("web:catalogue"))


@page("see", post="edit_segments")
def recommendation_rules(request: PageRequest) -> HttpResponse:
    """What tells of interest, and what is never offered."""
    begin = RecommendationForm.begin(selectors.recommendation_setting().to_json())
    form = RecommendationForm(request.POST or None, initial=begin)
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_recommendation_setting(form.told(), by=actor(request), now=request.now)
            toast(request, "Kept. Rules hold at once, signals from the next run on.")
            return go(request, reverse("web:recommendation_rules"))
        except BadRecommendation as wrong:
            field, _, message = str(wrong).partition(": ")
            form.add_error(field if field in form.fields else None, message or field)
    return render(
        request, "recommendations/rules.html", tabs=prediction_tabs("web:recommendation_rules"), form=form,
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see")
def profile_recommended(request: PageRequest, profile_id: int) -> HttpResponse:
    """What this person would be offered now, and why."""
    context: dict[str, Any] | HttpResponse = open_profile(request, profile_id, "web:profile_recommended")
    if isinstance(context, HttpResponse):
        return context
    found = selectors.recommend(profile_id=profile_id, count=12, now=request.now)
    return render(request, "profiles/recommended.html", **context, found=found)
