"""Figures of quality by day, and the alerts over them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.charts import Chart, volume_and_validity
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import FigureView, NoSuchAlert

_BACK = timedelta(days=29)
_WEEK = timedelta(days=7)


@page("see")
def figures(request: PageRequest) -> HttpResponse:
    """Volume, validity, freshness, fill and duplicates by day; of one source or event when asked."""
    source, event = request.GET.get("source", ""), request.GET.get("event", "")
    source_id = int(source) if source.isdecimal() and len(source) < 10 else None
    today = request.now.date()
    found = selectors.figures(since=today - _BACK, source_id=source_id, name=event)
    fill = selectors.fill_by_property(
        since=today - _BACK, split=today - _WEEK, name=event, source_id=source_id
    ) if event else []  # fmt: skip
    return render(
        request, "data/figures.html", tabs=data_tabs("web:quality"), names=connectors.source_names(), source=source,
        event=event, chart=_chart(found, today), latest=_latest(found), fill=fill, alerts=selectors.alerts(),
        kinds=selectors.ALERT_KINDS,
        days=found[:200] if event else [],
    )  # fmt: skip


def _chart(found: Sequence[FigureView], today: date) -> Chart:
    by_day: dict[date, list[FigureView]] = defaultdict(list)
    for one in found:
        by_day[one.day].append(one)
    days = [today - _BACK + timedelta(days=n) for n in range(_BACK.days + 1)]
    return volume_and_validity([(day, _sums(by_day[day])) for day in days] if found else [])


def _sums(found: Sequence[FigureView]) -> tuple[int, ...]:
    columns = ("volume", "set_aside", "duplicates", "lookalikes", "judged", "faulty")
    return tuple(sum(getattr(one, name) for one in found) for name in columns)


def _latest(found: Sequence[FigureView]) -> list[FigureView]:
    """The newest day of each source and event, the largest first."""
    newest: dict[tuple[int, str], FigureView] = {}
    for one in found:
        newest.setdefault((one.source_id, one.event), one)
    return sorted(newest.values(), key=lambda one: (-one.day.toordinal(), -one.volume, one.event))[:200]


@action("edit_connections")
def acknowledge_alert(request: PageRequest, alert_id: int) -> HttpResponse:
    """Somebody has seen it."""
    try:
        services.acknowledge_alert(alert_id=alert_id, by=actor(request), now=request.now)
        toast(request, "Acknowledged.")
    except NoSuchAlert as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:quality"))
