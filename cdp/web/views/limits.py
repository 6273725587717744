"""Limits of freshness that people set: at least one event within so long, on weekdays and hours."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.limit_form import LimitForm
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import BadLimit


@page("see", post="edit_connections")
def freshness_limits(request: PageRequest) -> HttpResponse:
    """All limits with how they stand. A POST sets one."""
    initial = {"source_id": request.GET.get("source", ""), "event": request.GET.get("event", ""),
               "time_zone": request.user.time_zone or "UTC", "number": 1, "unit": "60"}  # fmt: skip
    form = LimitForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            services.keep_limit(by=actor(request), now=request.now, **form.limit())
            toast(request, "Kept. It is looked at every minute.")
            return go(request, reverse("web:freshness_limits"))
        except BadLimit as wrong:
            form.add_problem(str(wrong))
    return render(
        request, "data/limits.html", tabs=data_tabs("web:quality"), form=form, names=connectors.source_names(),
        limits=selectors.limits(now=request.now), status=422 if form.errors else 200,
    )  # fmt: skip


@action("edit_connections")
def drop_limit(request: PageRequest, limit_id: int) -> HttpResponse:
    """Take it back."""
    if services.drop_limit(limit_id=limit_id, by=actor(request), now=request.now):
        toast(request, "Taken back.")
    else:
        toast(request, "There is no such limit any more.", bad=True)
    return go(request, reverse("web:freshness_limits"))
