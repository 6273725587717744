"""The catalogue of events and the plan: what there is, what is meant, and what did not fit."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.forms import BlockForm, EnforcementForm, PlanForm
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import BadSchema, PlannedView

_BACK = timedelta(days=30)
_STATES = (("", "all"), ("new", "not decided"), ("accepted", "in the plan"), ("ignored", "ignored"))


@page("see")
def catalogue(request: PageRequest) -> HttpResponse:
    """Every event that came or was planned."""
    state, query = request.GET.get("state", ""), request.GET.get("q", "").strip().lower()
    every = selectors.planned(now=request.now)
    rows = [one for one in every if (not state or one.status == state) and query in one.name.lower()]
    return render(
        request, "data/plan.html", rows=rows, names=connectors.source_names(), states=_STATES, state=state,
        query=request.GET.get("q", ""), tabs=data_tabs("web:plan"),
    )  # fmt: skip


@page("see", post="edit_connections")
def planned_event(request: PageRequest) -> HttpResponse:
    """One event: its properties as they came, its schema, its versions, and what did not fit."""
    name = request.GET.get("name", "")
    found = selectors.planned_event(name, now=request.now)
    if found is None:
        return not_found(request, "event", reverse("web:plan"))
    form = PlanForm(request.POST or None, initial=_initial(found))
    if request.method == "POST" and form.is_valid():
        try:
            version = services.decide_event(
                name=name, status=request.POST.get("do", ""), schema=form.cleaned_data["schema"],
                description=form.cleaned_data["description"], owner=form.cleaned_data["owner"], by=actor(request),
                now=request.now,
            )  # fmt: skip
            toast(request, f"{name}: version {version}.")
            return go(request, request.get_full_path())
        except BadSchema as wrong:
            form.add_error("schema", str(wrong))
    return render(
        request, "data/planned_event.html", found=found, form=form, properties=selectors.properties_of(name),
        versions=[(*one[:2], _pretty(one[2]), *one[3:]) for one in selectors.plan_versions(name)],
        violations=selectors.violations(since=(request.now - _BACK).date(), name=name),
        names=connectors.source_names(), status=422 if form.errors else 200,
    )  # fmt: skip


def _initial(found: PlannedView) -> dict[str, Any]:
    schema = found.schema if found.version else selectors.learned_schema(found.name)
    return {"schema": dict(schema), "description": found.description, "owner": found.owner}


def _pretty(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False)


@page("see")
def plan_reports(request: PageRequest) -> HttpResponse:
    """The reports of a month, by owner."""
    months, owner = selectors.report_months(), request.GET.get("owner", "").strip()
    asked = next((one for one in months if f"{one:%Y-%m}" == request.GET.get("month", "")), None)
    month = asked or (months[0] if months else None)
    return render(
        request, "data/reports.html", months=months, month=month, owner=owner, tabs=data_tabs("web:plan_reports"),
        reports=selectors.plan_reports(month=month, owner=owner or None) if month else [],
    )  # fmt: skip


@page("see", post="edit_connections")
def source_plan(request: PageRequest, source_id: int) -> HttpResponse:
    """What becomes of items of this source that do not fit, and what did not."""
    context = open_source(request, source_id, "web:source_plan")
    if isinstance(context, HttpResponse):
        return context
    found = selectors.enforcement(source_id)
    blocking = request.POST.get("do") == "block"
    form = EnforcementForm(
        None if blocking else request.POST or None, initial={"unplanned": found.unplanned, "invalid": found.invalid}
    )
    block_form = BlockForm(request.POST if blocking else None, initial=selectors.block_of(source_id))
    if blocking and block_form.is_valid():
        services.keep_block(source_id=source_id, classes=block_form.cleaned_data, by=actor(request), now=request.now)
        toast(request, "Kept. It holds from the next batch on.")
        return go(request, reverse("web:source_plan", args=[source_id]))
    if request.method == "POST" and form.is_valid():
        services.keep_enforcement(
            source_id=source_id, by=actor(request), now=request.now, **form.cleaned_data
        )  # fmt: skip
        toast(request, "Kept. It holds from the next batch on.")
        return go(request, reverse("web:source_plan", args=[source_id]))
    return render(
        request, "sources/plan.html", **context, form=form, block_form=block_form,
        status=422 if form.errors or block_form.errors else 200,
        violations=selectors.violations(since=(request.now - _BACK).date(), source_id=source_id),
        names=connectors.source_names(),
    )  # fmt: skip
