"""The first page: how many people there are, whether data flows, and what waits for somebody."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp import vitals
from cdp.demo import services as demo
from cdp.web import kpi_charts, kpi_form
from cdp.web.access import page
from cdp.web.charts import events_per_hour
from cdp.web.pages import PageRequest, render
from common import access
from connectors import selectors as connectors
from connectors.contracts import SyncView
from events import selectors as log
from identity import selectors as identity
from insights import selectors as insights
from quality import selectors as quality
from segments import selectors as segments

CHART_BACK = timedelta(hours=48)
_TRENDS = ("revenue", "active_people")


@dataclass(frozen=True, slots=True)
class Need:
    """Something that waits for a person."""

    text: str
    icon: str
    address: str


@dataclass(frozen=True, slots=True)
class Sign:
    """One line of the health card."""

    label: str
    good: bool
    told: str


@page("see")
def home(request: PageRequest) -> HttpResponse:
    """The home page. Its figures are asked again every ten seconds."""
    counts = identity.counts()
    syncs = connectors.syncs()
    context: dict[str, Any] = {
        "counts": counts,
        "card": demo.scorecard(),
        "events": log.totals(now=request.now),
        "needs": _needs(request, counts, syncs),
        "signs": _signs(request.now, syncs),
        "biggest": sorted(segments.segments(), key=lambda one: -one.size)[:6],
        "checklist": _checklist(request),
    }
    if request.htmx:
        return render(request, "home/figures.html", **context)
    tallies = log.tallies(since=request.now - CHART_BACK)
    report = insights.kpi_report(now=request.now)
    shown = [one for one in kpi_form.rows(report) if one.kpi.main] if report.counted_at else []
    return render(
        request, "home/page.html", **context, chart=events_per_hour(tallies, now=request.now), kpis=shown,
        kpi_charts=[kpi_charts.spark(report, insights.KPIS[key]) for key in _TRENDS] if shown else (),
    )  # fmt: skip


def _needs(request: PageRequest, counts: dict[str, int], syncs: list[SyncView]) -> list[Need]:
    waiting = counts["review_open"]
    needs = [Need(f"{waiting} pairs to review", "scale", reverse("web:review"))] if waiting else []
    kept = log.quarantine_size()
    if kept:
        needs.append(Need(f"{kept} items in quarantine", "inbox", reverse("web:quarantine")))
    odd = quality.review_size()
    if odd:
        needs.append(Need(f"{odd} value{'' if odd == 1 else 's'} to review", "list-check", reverse("web:value_review")))
    alerts = quality.open_alerts()
    if alerts:
        told = f"{alerts} alert{'' if alerts == 1 else 's'} over data quality"
        needs.append(Need(told, "alert-triangle", reverse("web:quality")))
    due = segments.reviews_due(request.now.date())
    if due:
        told = f"{due} segment{'' if due == 1 else 's'} to review"
        needs.append(Need(told, "users-group", reverse("web:segments_health")))
    for sync in syncs:
        address = reverse("web:sync", args=[sync.id])
        if sync.waiting_run_id:
            needs.append(Need(f"{sync.name} waits for approval", "hourglass", address))
        if sync.failed:
            needs.append(Need(f"{sync.failed} rows of {sync.name} failed", "alert-triangle", address))
    return needs


def _signs(now: datetime, syncs: list[SyncView]) -> list[Sign]:
    lag = vitals.examine([vitals.check_lag], now=now)[0]
    beat = vitals.examine([vitals.check_beat], now=now)[0]
    workers = vitals.examine([vitals.check_workers], now=now)[0]
    broken = [one for one in syncs if one.failed or one.state != "active"]
    told = f"{len(broken)} of {len(syncs)} need a look" if broken else f"{len(syncs)} working" if syncs else "none yet"
    return [
        Sign("Ingestion", lag.ok, lag.finding),
        Sign("Schedules", beat.ok, beat.finding),
        Sign("Workers", workers.ok, workers.finding),
        Sign("Syncs", not broken, told),
    ]


def _checklist(request: PageRequest) -> list[tuple[str, str, bool]]:
    """(step, address, done) for a new installation; empty once all is done."""
    if not access.can(request.user, "edit_connections"):
        return []
    steps = [
        ("Set up a source", reverse("web:sources"), bool(connectors.sources())),
        ("Receive a first event", reverse("web:sources"), log.totals(now=request.now)["applied"] > 0),
        ("Make a segment", reverse("web:segments"), bool(segments.segments())),
        ("Connect a destination", reverse("web:destinations"), bool(connectors.destinations())),
    ]
    return [] if all(done for _, _, done in steps) else steps
