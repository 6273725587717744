"""Destinations and syncs: where segments go, what was sent, and what the channel said."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.paging import Page, after_id, page_of
from cdp.web.settings_form import secrets_given, settings_form, settings_given
from cdp.web.views.sync_checks import sync_tabs
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import InvalidSettings, KindView, SyncView
from segments import selectors as segments


def kind_of(slug: str) -> KindView | None:
    return next((kind for kind in connectors.destination_kinds() if kind.slug == slug), None)


@page("see")
def destination_list(request: PageRequest) -> HttpResponse:
    """All accounts, each with its syncs."""
    by_destination: dict[int, list[SyncView]] = {}
    for sync in connectors.syncs():
        by_destination.setdefault(sync.destination_id, []).append(sync)
    rows = [(one, by_destination.get(one.id, [])) for one in connectors.destinations()]
    return render(request, "destinations/list.html", rows=rows)


@page("edit_connections", post="edit_connections")
def new_destination(request: PageRequest) -> HttpResponse:
    """First the kind, then its settings; secrets that are made here are shown once."""
    kind = kind_of(request.GET.get("kind", ""))
    if kind is None:
        return render(request, "destinations/kinds.html", kinds=connectors.destination_kinds())
    form = settings_form(kind, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = connector_services.create_destination(
                kind=kind.slug, name=form.cleaned_data["name"], settings=settings_given(kind, form.cleaned_data),
                secrets=secrets_given(kind, form.cleaned_data), by=actor(request), now=request.now,
            )  # fmt: skip
        except InvalidSettings as wrong:
            for problem in wrong.problems:
                form.add_problem(problem)
        else:
            return render(request, "destinations/made.html", destination=made)
    return render(request, "destinations/new.html", status=422 if form.is_bound else 200, kind=kind, form=form)


@page("see")
def destination_page(request: PageRequest, destination_id: int) -> HttpResponse:
    """One account: how it is, its settings, and its syncs."""
    found = connectors.destination(destination_id)
    if found is None:
        return not_found(request, "destination", reverse("web:destinations"))
    names = {one.id: one.name for one in segments.segments()}
    return render(
        request, "destinations/page.html", destination=found, kind=kind_of(found.kind),
        syncs=connectors.syncs(destination_id=destination_id), segment_names=names,
    )  # fmt: skip


@action("edit_connections")
def steer_destination(request: PageRequest, destination_id: int) -> HttpResponse:
    """Test, pause or resume."""
    if connectors.destination(destination_id) is None:
        return not_found(request, "destination", reverse("web:destinations"))
    wanted = request.POST.get("do", "")
    if wanted == "test":
        tested = connector_services.test_destination(destination_id=destination_id, now=request.now)
        toast(request, tested.message, bad=not tested.ok)
    elif wanted == "pause":
        connector_services.pause_destination(destination_id=destination_id, by=actor(request))
        toast(request, "Paused. What is planned waits.")
    elif wanted == "resume":
        connector_services.resume_destination(destination_id=destination_id, by=actor(request))
        toast(request, "Sending again.")
    return go(request, reverse("web:destination", args=[destination_id]))


@page("see")
def sync_page(request: PageRequest, sync_id: int) -> HttpResponse:
    """One sync: its state, its runs, and what failed."""
    found = connectors.sync(sync_id)
    if found is None:
        return not_found(request, "sync", reverse("web:destinations"))
    start = after_id(request)
    rows = connectors.runs(sync_id=sync_id, before_id=start, limit=Page.SIZE + 1)
    segment = segments.segment(found.segment_id)
    return render(
        request, "destinations/sync_body.html" if request.htmx else "destinations/sync.html", sync=found,
        segment=segment,
        page=page_of(rows, key=lambda run: run.id, started=bool(start)),
        failed=connectors.failed_deliveries(sync_id=sync_id, limit=20),
        waiting=connectors.run(found.waiting_run_id) if found.waiting_run_id else None,
        tabs=sync_tabs(request, sync_id),
    )  # fmt: skip


@page("see")
def run_page(request: PageRequest, run_id: int) -> HttpResponse:
    """One run, row by row."""
    found = connectors.run(run_id)
    sync = connectors.sync(found.sync_id) if found else None
    if found is None or sync is None:
        return not_found(request, "run", reverse("web:destinations"))
    state, start = request.GET.get("state", ""), after_id(request)
    rows = connectors.run_rows(run_id=run_id, state=state, after_id=start or 0, limit=Page.SIZE + 1)
    return render(
        request, "destinations/run.html", run=found, sync=sync, state=state,
        page=page_of(rows, key=lambda row: row.id, started=bool(start)),
        states=("pending", "in_flight", "delivered", "failed", "dead"),
    )  # fmt: skip


@action("edit_connections")
def steer_sync(request: PageRequest, sync_id: int) -> HttpResponse:
    """Pause, resume, ask for a full run, or send failed rows again."""
    if connectors.sync(sync_id) is None:
        return not_found(request, "sync", reverse("web:destinations"))
    by, wanted = actor(request), request.POST.get("do", "")
    if wanted == "pause":
        connector_services.pause_sync(sync_id=sync_id, by=by)
        toast(request, "Paused. The ledger keeps what happens meanwhile.")
    elif wanted == "resume":
        connector_services.resume_sync(sync_id=sync_id, by=by)
        toast(request, "Going on from where it stopped.")
    elif wanted == "run":
        connector_services.run_now(sync_id=sync_id, by=by)
        toast(request, "A full comparison starts with the next turn.")
    elif wanted == "consent":
        try:
            kept = connector_services.change_consent(
                sync_id=sync_id, consent=request.POST.get("consent", ""),
                channel=request.POST.get("consent_channel", ""), by=by,
            )  # fmt: skip
            asked = f"Only people who consented to {kept.consent_words}."
            toast(request, asked if kept.consent else "No consent is asked for.")
        except InvalidSettings as wrong:
            toast(request, " ".join(wrong.problems), bad=True)
    elif wanted == "retry":
        chosen = [int(text) for text in request.POST.getlist("row") if text.isdecimal()]
        count = connector_services.retry_failed(sync_id=sync_id, by=by, delivery_ids=chosen or None, now=request.now)
        toast(request, f"{count} row{'' if count == 1 else 's'} will be sent again.")
    return go(request, reverse("web:sync", args=[sync_id]))


@action("edit_connections")
def settle_run(request: PageRequest, run_id: int) -> HttpResponse:
    """Approve or decline a run that the guard against mass change stopped."""
    found = connectors.run(run_id)
    if found is None:
        return not_found(request, "run", reverse("web:destinations"))
    settle: Any = (
        connector_services.approve_run if request.POST.get("do") == "approve" else connector_services.decline_run
    )
    try:
        settle(run_id=run_id, by=actor(request))
    except connector_services.NotPossible as problem:
        toast(request, str(problem), bad=True)
    else:
        approved = request.POST.get("do") == "approve"
        toast(request, "Approved: it is sent with the next turn." if approved else "Declined; the sync is paused.")
    return go(request, reverse("web:sync", args=[found.sync_id]))
