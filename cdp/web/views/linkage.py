"""The linkage model and its runs over the whole base: look, train, switch on, roll back."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web import linkage_charts, linkage_figures, people, runs
from cdp.web.access import action, page
from cdp.web.navigation import identity_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from identity import selectors as identity
from identity import services as identity_services
from identity.contracts import LinkageModelView

_RECENT = 200


@page("see")
def linkage_model(request: PageRequest, version: int | None = None) -> HttpResponse:
    """What a model believes, what it expects of itself, and how it differs from what was live when it was trained."""
    model = identity.linkage_model(version)
    if model is None:
        return not_found(request, "linkage model", reverse("web:linkage_model"))
    return render(
        request, "linkage/model.html", tabs=identity_tabs("web:linkage_model"), model=model,
        versions=identity.linkage_models(), asked=request.GET.get("confirm") == "1",
        estimates=linkage_figures.estimates(model), graded=linkage_figures.graded(model.figures),
        beliefs=linkage_charts.beliefs(identity.linkage_comparisons(model.version)),
        aliases=model.spec.get("aliases") or [], **_charts(model), **_difference(model.figures),
    )  # fmt: skip


def _charts(model: LinkageModelView) -> dict[str, Any]:
    figures = model.figures
    where = linkage_figures.thresholds(model)
    return {
        "thresholds": where,
        "spread": linkage_charts.spread(figures["histogram"]) if where else None,
        "measured": {"curve": figures["curve"], "histogram": figures["histogram"]} if where else None,
        "unlinkable": linkage_charts.unlinkable(figures["unlinkable"]) if figures.get("unlinkable") else None,
    }


def _difference(figures: Any) -> dict[str, Any]:
    found = linkage_figures.difference(figures)
    return {"difference": found, "people": people.by_ids(found.ids)}


@action("steward_identity")
def train_linkage(request: PageRequest) -> HttpResponse:
    """Ask for a run that trains a new model; it changes nobody."""
    return _ask(
        request, reverse("web:linkage_model"), "linkage.train", "A new model is trained; nobody changes.",
        lambda by, now: identity_services.request_run("train", by=by, now=now),
    )  # fmt: skip


@action("publish_policy")
def switch_on_linkage(request: PageRequest, version: int) -> HttpResponse:
    """Make a model the live one and link with it."""
    return _ask(
        request, reverse("web:linkage_version", args=[version]), "linkage.switch_on",
        f"Model {version} is live. This run links with it.",
        lambda by, now: identity_services.switch_on(version, by=by, now=now),
    )  # fmt: skip


@action("publish_policy")
def roll_back_linkage(request: PageRequest, linkage_run_id: int) -> HttpResponse:
    """Ask for a run that takes another one back."""
    return _ask(
        request, reverse("web:linkage_run", args=[linkage_run_id]), "linkage.roll_back",
        f"Run {linkage_run_id} is taken back by this one.",
        lambda by, now: identity_services.roll_back_run(linkage_run_id, by=by, now=now),
    )  # fmt: skip


def _ask(request: PageRequest, back: str, what: str, told: str, ask: Callable[[str, datetime], int]) -> HttpResponse:
    """Ask for a run and go to its page; what is not possible is said where the person was."""
    try:
        run_id = ask(actor(request), request.now)
    except identity_services.NotPossible as problem:
        toast(request, f"Nothing was changed: {problem}.", bad=True)
        return go(request, back)
    record(request, what, "linkage_run", run_id, told)
    toast(request, told)
    return go(request, reverse("web:linkage_run", args=[run_id]))


@page("see")
def linkage_runs(request: PageRequest) -> HttpResponse:
    """All runs, the newest first. The table asks again every few seconds while something waits or runs."""
    start = after_id(request)
    found = [runs.shown(one, now=request.now) for one in identity.linkage_runs(Page.SIZE + 1, start)]
    return render(
        request, "linkage/runs_table.html" if request.htmx else "linkage/runs.html",
        tabs=identity_tabs("web:linkage_runs"), page=page_of(found, key=lambda one: one.view.id, started=bool(start)),
        open=any(one.is_open for one in found),
    )  # fmt: skip


@page("see")
def linkage_run(request: PageRequest, linkage_run_id: int) -> HttpResponse:
    """One run: how far it is, what it changed, and the way back."""
    view = identity.linkage_run(linkage_run_id)
    if view is None:
        return not_found(request, "linkage run", reverse("web:linkage_runs"))
    run = runs.shown(view, now=request.now)
    if request.htmx and not run.is_open:
        # The rest of the page has something to show now.
        ended = HttpResponse(status=200)
        ended.headers["HX-Refresh"] = "true"
        return ended
    return render(
        request, "linkage/run_progress.html" if request.htmx else "linkage/run.html",
        tabs=identity_tabs("web:linkage_runs"), run=run, chart=linkage_charts.stages(view.stages),
        asked=request.GET.get("confirm") == "1", may_go_back=view.id == _newest_applied(), **_difference(view.figures),
    )  # fmt: skip


def _newest_applied() -> int | None:
    """The only run that can be taken back: nothing was built on it."""
    recent = identity.linkage_runs(_RECENT)
    if any(one.kind == "roll_back" and one.state in ("waiting", "running") for one in recent):
        return None
    return next((one.id for one in recent if one.kind == "apply" and one.state == "done"), None)
