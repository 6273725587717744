"""Schedules: what the clock starts, when it last did, and how often it should."""

from django import forms
from django.http import HttpResponse
from django.urls import reverse

from cdp import schedules, vitals
from cdp.schedules import ScheduleView
from cdp.web.access import page
from cdp.web.forms import CalmForm
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.tabs import Tab, tabs

_UNITS = (("1", "seconds"), ("60", "minutes"), ("3600", "hours"), ("86400", "days"))


class IntervalForm(CalmForm):
    """How often."""

    every = forms.IntegerField(label="Every", min_value=1, max_value=1_000_000)
    unit = forms.ChoiceField(label="Unit", choices=_UNITS)


def job_tabs(request: PageRequest) -> list[Tab]:
    """Work of now, and the clock that starts it."""
    return tabs([("Jobs", reverse("web:jobs")), ("Schedules", reverse("web:schedules"))], request.path)


@page("see")
def schedule_list(request: PageRequest) -> HttpResponse:
    """Every task of the clock, and whether the clock goes."""
    return render(
        request, "jobs/schedules_table.html" if request.htmx else "jobs/schedules.html", rows=schedules.schedules(),
        clock=vitals.examine([vitals.check_beat], now=request.now)[0], tabs=job_tabs(request), now=request.now,
    )  # fmt: skip


@page("see", post="administer")
def schedule_page(request: PageRequest, schedule: str) -> HttpResponse:
    """One task: another interval, or pause and resume."""
    found = schedules.schedule(schedule)
    if found is None:
        return not_found(request, "schedule", reverse("web:schedules"))
    form = IntervalForm(request.POST if request.POST.get("do") == "interval" else None, initial=_initial(found))
    if request.method == "POST":
        told = _change(request, found, form)
        if told:
            toast(request, told)
            return go(request, reverse("web:schedule", args=[schedule]))
    return render(
        request, "jobs/schedule.html", status=422 if form.errors else 200, schedule=found, form=form, now=request.now,
    )  # fmt: skip


def _change(request: PageRequest, found: ScheduleView, form: IntervalForm) -> str:
    """Do what was asked and say so; nothing when the form says what is wrong."""
    wanted, by = request.POST.get("do", ""), actor(request)
    if wanted == "interval" and not form.is_valid():
        return ""
    try:
        if wanted == "interval":
            schedules.change(
                name=found.name, seconds=form.cleaned_data["every"] * int(form.cleaned_data["unit"]), by=by
            )  # fmt: skip
            return "Kept. The clock follows within seconds."
        if wanted in ("pause", "resume"):
            schedules.change(name=found.name, enabled=wanted == "resume", by=by)
            return "Paused. It starts again when you resume it." if wanted == "pause" else "Going on."
    except schedules.NotAllowed as problem:
        if not form.is_bound:
            return str(problem)
        form.add_error("every", str(problem))
        return ""
    return "Nothing was changed."


def _initial(found: ScheduleView) -> dict[str, object]:
    unit = next(int(size) for size, _ in reversed(_UNITS) if found.seconds % int(size) == 0)
    return {"every": found.seconds // unit, "unit": str(unit)}
