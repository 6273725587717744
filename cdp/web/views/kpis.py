"""KPIs: how it goes, over a period, beside another one and a baseline."""

import csv
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import REFRESH_KPIS, wake
from cdp.web import kpi_charts, kpi_form
from cdp.web.access import action, page
from cdp.web.navigation import insights_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from insights import selectors, services
from insights.contracts import ANNOTATION_KINDS, BREAKDOWNS, BadKpi, Kpi, KpiReport


@page("see", post="edit_segments")
def kpis(request: PageRequest) -> HttpResponse:
    """Every KPI, with the trend of the main ones. POST has the days counted anew that changed."""
    if request.method == "POST":
        wake(REFRESH_KPIS)
        toast(request, "The days that changed are being counted.")
        return go(request, reverse("web:kpis"))
    asked, report, wrong = _report(request)
    rows = kpi_form.rows(report)
    charts = [kpi_charts.spark(report, one.kpi) for one in rows if one.kpi.main]
    return render(
        request, "insights/kpis.html", tabs=insights_tabs("web:kpis"), rows=rows, charts=charts,
        baselines=selectors.baselines(), **_context(asked, report, wrong), status=422 if wrong else 200,
    )  # fmt: skip


@page("see")
def kpi(request: PageRequest, kpi: str) -> HttpResponse:
    """One KPI: by day with what happened here, by a breakdown, and its formula in words."""
    one = selectors.KPIS.get(kpi)
    if one is None:
        return not_found(request, "KPI", reverse("web:kpis"))
    asked, report, wrong = _report(request)
    place = list(selectors.KPIS).index(kpi)
    groups = [(group, kpi_form.shown(group.values[place], report.currency)) for group in report.groups]
    return render(
        request, "insights/kpi.html", kpi=one, chart=kpi_charts.trend(report, one),
        value=kpi_form.shown(report.values[place], report.currency), groups=groups, kpis=selectors.KPIS,
        noted=kpi_charts.noted_days(report), kinds=ANNOTATION_KINDS, **_context(asked, report, wrong),
        status=422 if wrong else 200,
    )  # fmt: skip


@page("see")
def kpi_file(request: PageRequest, kpi: str) -> HttpResponse:
    """The days of a KPI as CSV: numbers as they are, with what they are a quotient of."""
    one = selectors.KPIS.get(kpi)
    if one is None:
        return not_found(request, "KPI", reverse("web:kpis"))
    asked, report, wrong = _report(request)
    answer = HttpResponse(content_type="text/csv; charset=utf-8", headers={"Cache-Control": "private, no-store"})
    answer["Content-Disposition"] = f'attachment; filename="{kpi}-{report.period.first}-{report.period.last}.csv"'
    _write(answer, one, report, "" if wrong else asked.by)
    return answer


def _write(out: Any, one: Kpi, report: KpiReport, by: str) -> None:
    lines = csv.writer(out)
    lines.writerow(["day", *((by, "name") if by else ()), one.key, "numerator", "denominator"])
    for day, key, name, value, top, bottom in selectors.kpi_days(kpi=one, period=report.period, by=by):
        # A name that begins like a formula would be one in a spreadsheet.
        safe = f"'{name}" if name[:1] in "=+-@\t\r" else name
        lines.writerow([day, *((key, safe) if by else ()), "" if value is None else repr(value), top, bottom])


def _report(request: PageRequest) -> tuple[kpi_form.Asked, KpiReport, str]:
    """What is asked for; when that cannot be, the usual period with what is wrong."""
    try:
        asked = kpi_form.Asked.of(request.GET)
        return asked, selectors.kpi_report(now=request.now, **asked.arguments()), ""
    except BadKpi as wrong:
        asked = kpi_form.Asked()
        return asked, selectors.kpi_report(now=request.now, **asked.arguments()), str(wrong).partition(": ")[2]


def _context(asked: kpi_form.Asked, report: KpiReport, wrong: str) -> dict[str, Any]:
    return {
        "asked": asked, "report": report, "wrong": wrong, "lengths": selectors.LENGTHS, "query": asked.query(),
        "comparisons": selectors.COMPARISONS, "breakdowns": BREAKDOWNS, "all_baselines": selectors.baselines(),
    }  # fmt: skip


@action("edit_segments")
def keep_baseline(request: PageRequest) -> HttpResponse:
    """Keep the sums of a period under a name."""
    back = reverse("web:kpis")
    try:
        asked = kpi_form.Asked.of(request.POST)
        period = selectors.kpi_report(now=request.now, **asked.arguments()).period
        kept = services.keep_baseline(
            name=request.POST.get("name", ""), period=period, by=actor(request), now=request.now
        )
        toast(request, f"{kept.name} is kept: {kept.period.first:%-d %b %Y} to {kept.period.last:%-d %b %Y}.")
    except BadKpi as wrong:
        toast(request, _told(wrong), bad=True)
    return go(request, back)


@action("edit_segments")
def remove_baseline(request: PageRequest) -> HttpResponse:
    """Forget a baseline."""
    try:
        services.remove_baseline(name=request.POST.get("name", ""), by=actor(request), now=request.now)
        toast(request, "The baseline is removed.")
    except BadKpi as wrong:
        toast(request, _told(wrong), bad=True)
    return go(request, reverse("web:kpis"))


@action("edit_segments")
def annotate(request: PageRequest) -> HttpResponse:
    """A note on the time line, at noon of a day of the workspace."""
    try:
        day = kpi_form.Asked.of(request.POST).first
        if day is None:
            raise BadKpi("from: choose a day.")
        services.annotate(
            at=selectors.noon_of(day), kind=request.POST.get("kind", "note"), text=request.POST.get("text", ""),
            by=actor(request), now=request.now,
        )  # fmt: skip
        toast(request, "It is on the time line.")
    except BadKpi as wrong:
        toast(request, _told(wrong), bad=True)
    return go(request, reverse("web:kpis"))


@action("edit_segments")
def remove_annotation(request: PageRequest, note_id: int) -> HttpResponse:
    """Take a note off the time line."""
    try:
        services.remove_annotation(annotation_id=note_id, by=actor(request), now=request.now)
        toast(request, "The note is removed.")
    except BadKpi as wrong:
        toast(request, _told(wrong), bad=True)
    return go(request, reverse("web:kpis"))


def _told(wrong: BadKpi) -> str:
    text = str(wrong).partition(": ")[2] or str(wrong)
    return f"Nothing was changed. {text[0].upper()}{text[1:]}"
