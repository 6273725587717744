"""Rules whose publishing takes a while: how far they are, and stopping them."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.pages import PageRequest, go, not_found, record, render, toast
from common import jobs
from common.models import Job
from segments import selectors as segments


@page("see")
def publication(request: PageRequest, publication_id: int) -> HttpResponse:
    """How far it is; the page looks again every two seconds until it is done."""
    found = segments.publication(publication_id)
    if found is None:
        return not_found(request, "publication", reverse("web:segments"))
    template = "segments/publication_state.html" if request.htmx else "segments/publication.html"
    shown = segments.segment(found.segment_id) if found.segment_id else None
    return render(request, template, found=found, segment=shown, job=Job.objects.filter(pk=found.job_id).first())


@action("edit_segments")
def stop_publication(request: PageRequest, publication_id: int) -> HttpResponse:
    """Nothing is published then, and what was counted is forgotten."""
    found = segments.publication(publication_id)
    if found is None:
        return not_found(request, "publication", reverse("web:segments"))
    jobs.cancel(found.job_id)
    record(request, "segment.publication_stop", "publication", found.id, f"Asked to stop publishing {found.name}")
    toast(request, "It stops within a second; nothing is published.")
    return go(request, reverse("web:publication", args=[found.id]))
