"""Funnels and paths: counted over the log when somebody asks."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse, QueryDict
from django.urls import reverse

from cdp.web import funnel_charts, funnel_form, kpi_form
from cdp.web.access import action, page
from cdp.web.navigation import insights_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from events import selectors as log
from insights import selectors, services
from insights.contracts import BadFunnel, BadKpi, FunnelResult, FunnelSpec, PathResult, PathSpec, Period
from segments import selectors as segments

_NAMED_WITHIN = timedelta(days=60)


@page("see", post="edit_segments")
def funnels(request: PageRequest) -> HttpResponse:
    """A funnel of the steps in the address, and those that were kept. POST keeps one under a name."""
    if request.method == "POST":
        return _keep(request)
    spec: FunnelSpec | None = None
    found: FunnelResult | None = None
    wrong = ""
    try:
        spec = funnel_form.funnel_of(request.GET)
        found = selectors.funnel(spec, period=_period(request), now=request.now) if spec else None
    except (BadFunnel, BadKpi) as told:
        wrong = funnel_form.told(told)
    return render(
        request, "insights/funnels.html", tabs=insights_tabs("web:funnels"), rows=funnel_form.rows_of(request.GET),
        found=found, chart=funnel_charts.funnel(spec, found) if spec and found else None,
        whole=funnel_form.lasted(found.median_seconds) if found else "", operators=selectors.OPERATORS,
        orders=selectors.ORDERS, breakdowns=selectors.FUNNEL_BREAKDOWNS, query=request.GET.urlencode(),
        kept=[(one, funnel_form.query_of(one.spec)) for one in selectors.funnels()],
        **_choices(request, wrong, "7", "days"), status=422 if wrong else 200,
    )  # fmt: skip


def _keep(request: PageRequest) -> HttpResponse:
    query = request.POST.get("query", "")
    try:
        spec = funnel_form.funnel_of(QueryDict(query))
        if spec is None:
            raise BadFunnel("steps: name the events first.")
        kept = services.keep_funnel(name=request.POST.get("name", ""), spec=spec, by=actor(request), now=request.now)
        toast(request, f"{kept.name} is kept.")
    except BadFunnel as wrong:
        toast(request, f"Nothing was kept. {funnel_form.told(wrong)}", bad=True)
    return go(request, f"{reverse('web:funnels')}?{query}")


@action("edit_segments")
def remove_funnel(request: PageRequest, funnel_id: int) -> HttpResponse:
    """Remove a kept funnel."""
    try:
        services.remove_funnel(funnel_id=funnel_id, by=actor(request), now=request.now)
        toast(request, "The funnel is removed.")
    except BadFunnel as wrong:
        toast(request, funnel_form.told(wrong), bad=True)
    return go(request, reverse("web:funnels"))


@page("see")
def paths(request: PageRequest) -> HttpResponse:
    """What people do after or before an event."""
    spec: PathSpec | None = None
    found: PathResult | None = None
    wrong = ""
    try:
        spec = funnel_form.path_of(request.GET)
        found = selectors.paths(spec, period=_period(request), now=request.now) if spec else None
    except (BadFunnel, BadKpi) as told:
        wrong = funnel_form.told(told)
    return render(
        request, "insights/paths.html", tabs=insights_tabs("web:paths"), found=found,
        chart=funnel_charts.paths(spec, found) if spec and found else None, directions=selectors.DIRECTIONS,
        **_choices(request, wrong, "30", "minutes"), status=422 if wrong else 200,
    )  # fmt: skip


def _period(request: PageRequest) -> Period:
    asked = kpi_form.Asked.of(request.GET)
    return selectors.asked_period(now=request.now, first=asked.first, last=asked.last, days=asked.days)


def _choices(request: PageRequest, wrong: str, within: str, unit: str) -> dict[str, Any]:
    named = [name for name, _ in log.event_names(since=request.now - _NAMED_WITHIN)]
    return {
        "q": request.GET, "wrong": wrong, "events": named, "units": funnel_form.UNITS, "segments": segments.segments(),
        "lengths": selectors.LENGTHS, "within": request.GET.get("within", within),
        "unit": request.GET.get("unit", unit),
        "days": request.GET.get("days", "" if request.GET.get("from") else "28"),
    }  # fmt: skip
