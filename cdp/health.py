"""Addresses for probes and monitoring: alive, ready, numbers."""

import ipaddress
import secrets
from collections.abc import Iterable

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from cdp import vitals
from common import clock
from connectors import selectors as connectors
from events import selectors as events
from identity import selectors as identity
from insights import selectors as insights
from segments import selectors as segments


def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers. Nothing else is asked, so that a slow database does not get the web server killed."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """The product takes events and keeps up with them; 503 names what does not."""
    checks = vitals.examine(vitals.READY, now=clock.now())
    failing = [check.as_json() for check in checks if not check.ok]
    status = {"status": "failing" if failing else "ok", "failing": failing}
    return JsonResponse(status, status=503 if failing else 200)


def metrics(request: HttpRequest) -> HttpResponse:
    """Numbers in Prometheus' text form. They tell the size of the business, so not everybody may read them."""
    if not _may_read_metrics(request):
        return HttpResponse("metrics need `Authorization: Bearer <CDP_METRICS_TOKEN>`\n", status=403)
    return HttpResponse(_lines(), content_type="text/plain; version=0.0.4; charset=utf-8")


def _may_read_metrics(request: HttpRequest) -> bool:
    """With a token: whoever has it. Without: this machine and its private network, unless through a proxy."""
    if settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_private
    except ValueError:
        return False


def _lines() -> str:
    return "".join(
        f"# HELP cdp_{name} {meaning}\n# TYPE cdp_{name} {kind}\ncdp_{name} {value}\n"
        for name, kind, meaning, value in _numbers()
    )


def _numbers() -> Iterable[tuple[str, str, str, float]]:
    now = clock.now()
    backlog = events.backlog()
    oldest = (now - backlog.oldest_at).total_seconds() if backlog.oldest_at else 0.0
    upkeep = insights.upkeep()
    waited = (now - upkeep.oldest_at).total_seconds() if upkeep.oldest_at else 0.0
    yield "events_applied_total", "counter", "Items taken from the inbox and applied.", events.applied_total()
    yield "inbox_requests", "gauge", "Requests accepted and not yet applied.", backlog.requests
    yield "inbox_events", "gauge", "Events accepted and not yet applied.", backlog.events
    yield "inbox_oldest_seconds", "gauge", "How long the oldest of them has waited.", oldest
    yield "quarantine_items", "gauge", "Items in quarantine that wait for a decision.", events.quarantine_size()
    yield "unreadable_documents", "gauge", "Documents in quarantine that cannot be read.", events.unreadable_documents()
    yield "profiles", "gauge", "Living profiles.", identity.counts()["profiles"]
    yield "segments", "gauge", "Live segments.", len(segments.segments())
    yield "ledger_head", "gauge", "The newest version of the membership ledger.", segments.head_seq()
    yield "timers_due", "gauge", "Profiles whose memberships wait for the clock.", segments.due_count(now)
    yield "kept_features_waiting", "gauge", "People whose kept features are to be computed anew.", upkeep.waiting
    yield "kept_features_oldest_seconds", "gauge", "How long the first of them has waited.", waited
    yield "deliveries_pending", "gauge", "Rows that wait to be sent to destinations.", connectors.pending_deliveries()
    yield "disk_free_bytes", "gauge", "Bytes free in the data folder.", vitals.disk_free()
    try:
        age = vitals.beat_age(now)
        yield "broker_up", "gauge", "1 when Valkey or Redis answers.", 1
        yield "beat_age_seconds", "gauge", "Seconds since beat's last heartbeat (-1: none).", -1 if age is None else age
    except redis.RedisError:
        yield "broker_up", "gauge", "1 when Valkey or Redis answers.", 0
