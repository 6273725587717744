"""Replays that were asked for: how far they are, and stopping them."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import RUN_REPLAYS, wake
from cdp.pipeline.replays import identifiers_of, request_log_replay
from cdp.web.access import action, page
from cdp.web.data_forms import LogForm
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from common import jobs
from common.models import Job
from connectors import selectors as connectors
from events import selectors as log


@page("see")
def replay_list(request: PageRequest) -> HttpResponse:
    """All replays, the newest first."""
    start = after_id(request)
    rows = log.replays(before=start, limit=Page.SIZE + 1)
    return render(
        request, "data/replays.html", page=page_of(rows, key=lambda one: one.id, started=bool(start)),
        names=connectors.source_names(), tabs=data_tabs("web:replays"),
    )  # fmt: skip


@page("see", post="replay_quarantine")
def replay_log(request: PageRequest) -> HttpResponse:
    """How many events of the log fit; a POST has them replayed by a worker."""
    form = LogForm(request.GET)
    count, estimated = 0, False
    if form.is_valid():
        fits = form.fits()
        count, estimated = log.count_events(fits, ids=identifiers_of(fits))
        if request.method == "POST" and count:
            made = request_log_replay(fits=fits, by=actor(request), now=request.now)
            wake(RUN_REPLAYS)
            return go(request, reverse("web:replay", args=[made.id]))
    return render(
        request, "data/replay_log.html", form=form, count=count, estimated=estimated,
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("see")
def replay(request: PageRequest, replay_id: int) -> HttpResponse:
    """How far it is; the page looks again every two seconds until it is done."""
    found = log.replay(replay_id)
    if found is None:
        return not_found(request, "replay", reverse("web:replays"))
    template = "data/replay_state.html" if request.htmx else "data/replay.html"
    return render(
        request, template, found=found, job=Job.objects.filter(pk=found.job_id).first(),
        names=connectors.source_names(),
    )  # fmt: skip


@action("replay_quarantine")
def stop_replay(request: PageRequest, replay_id: int) -> HttpResponse:
    """No further step begins; what was replayed stays."""
    found = log.replay(replay_id)
    if found is None:
        return not_found(request, "replay", reverse("web:replays"))
    jobs.cancel(found.job_id)
    record(request, "replay.stop", "replay", found.id, "Asked a replay to stop")
    toast(request, "It stops at its next step. What was replayed stays.")
    return go(request, reverse("web:replay", args=[found.id]))
