"""The audit log, background jobs, and help."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp import consistency
from cdp.web.access import action, page
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from cdp.web.views.schedules import job_tabs
from common import access, audit, jobs
from common.models import AuditEntry, Job

_FILTERS = {"actor": "actor__icontains", "action": "action__icontains", "object": "object_type"}


@page("see")
def activity(request: PageRequest) -> HttpResponse:
    """Who did what, when and why; people without `see_audit` see what they did themselves."""
    entries = AuditEntry.objects.order_by("-id")
    sees_all = access.can(request.user, "see_audit")
    if not sees_all:
        entries = entries.filter(actor=actor(request))
    wanted = {
        lookup: request.GET[name].strip() for name, lookup in _FILTERS.items() if request.GET.get(name, "").strip()
    }
    entries = entries.filter(**wanted)
    start = after_id(request)
    rows = list((entries.filter(id__lt=start) if start else entries)[: Page.SIZE + 1])
    return render(
        request, "activity/list.html", page=page_of(rows, key=lambda entry: entry.pk, started=bool(start)),
        sees_all=sees_all, filtered=bool(wanted),
        object_types=AuditEntry.objects.order_by().values_list("object_type", flat=True).distinct(),
    )  # fmt: skip


@action("administer")
def verify(request: PageRequest) -> HttpResponse:
    """Walk the whole hash chain and say whether every entry still fits."""
    broken = audit.verify()
    told = "The audit log is whole: every entry fits its chain." if broken is None else f"Entry {broken} does not fit."
    record(request, "audit.verify", "audit", broken or "all", told)
    toast(request, told, bad=broken is not None)
    return go(request, reverse("web:activity"))


@page("see", post="edit_connections")
def consistency_page(request: PageRequest) -> HttpResponse:
    """Whether every reader sees the same members, as the last look found it; a look can be asked for."""
    if request.method == "POST":
        differ = len(consistency.audit_and_keep(now=request.now, by=actor(request)).problems)
        toast(request, f"{differ} differences." if differ else "Everything agrees.", bad=bool(differ))
        return go(request, reverse("web:consistency"))
    found = consistency.latest()
    at = datetime.fromisoformat(found["at"]) if found else None
    return render(request, "activity/consistency.html", found=found, at=at)


@page("see")
def job_list(request: PageRequest) -> HttpResponse:
    """Background work, the newest first. The table asks again every few seconds while something runs."""
    state = request.GET.get("state", "")
    found = Job.objects.order_by("-id")
    if state in Job.State.values:
        found = found.filter(state=state)
    start = after_id(request)
    rows = list((found.filter(id__lt=start) if start else found)[: Page.SIZE + 1])
    template = "jobs/table.html" if request.htmx else "jobs/list.html"
    running = any(job.state == Job.State.RUNNING for job in rows)
    return render(
        request, template, page=page_of(rows, key=lambda job: job.pk, started=bool(start)),
        running=running, state=state, states=Job.State.choices, tabs=job_tabs(request),
    )  # fmt: skip


@page("see")
def job_page(request: PageRequest, job_id: int) -> HttpResponse:
    """One job with its real progress."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        return not_found(request, "job", reverse("web:jobs"))
    rate: float | None = None
    passed = ((job.finished_at or request.now) - job.started_at).total_seconds()
    if job.done and passed > 0:
        rate = job.done / passed
    left = (job.total - job.done) / rate if rate and job.total and not job.finished_at and passed > 5 else None
    context: dict[str, Any] = {"job": job, "rate": rate, "left_seconds": left, "passed_seconds": passed}
    return render(request, "jobs/progress.html" if request.htmx else "jobs/page.html", **context)


@action("steward_identity")
def cancel_job(request: PageRequest, job_id: int) -> HttpResponse:
    """Ask a running job to stop at its next step."""
    jobs.cancel(job_id)
    record(request, "job.cancel", "job", job_id, "Asked a job to stop")
    toast(request, "The job stops at its next step.")
    return go(request, reverse("web:job", args=[job_id]))


_HELP = (
    ("Everywhere", ((("Ctrl", "K"), "Search people, segments and pages"), (("/",), "Go to the filter of the list"),
                    (("?",), "This page"), (("u",), "Undo what the last message says"), (("Esc",), "Close"))),
    ("Go to", ((("g", "h"), "Home"), (("g", "p"), "Profiles"), (("g", "r"), "Review"), (("g", "a"), "Segments"),
               (("g", "s"), "Sources"), (("g", "d"), "Destinations"), (("g", "j"), "Jobs"))),
    ("Review", ((("1",), "Match"), (("2",), "Not a match"), (("3",), "Unsure"), (("s",), "Skip to the next pair"))),
    ("Live stream", ((("p",), "Pause or go on"),)),
)  # fmt: skip


@page("see")
def help_page(request: PageRequest) -> HttpResponse:
    """The keys, in groups."""
    return render(request, "shell/help.html", groups=_HELP)
