"""The members of a segment as files."""

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse

from cdp import downloads
from cdp.nudge import WRITE_EXPORTS, wake
from cdp.web.access import page
from cdp.web.forms import ExportForm
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.views.segments import open_segment
from common import access
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import BadColumns


@page("see", post="export")
def segment_exports(request: PageRequest, segment_id: int) -> HttpResponse:
    """Files that were made of this segment, and a form for one more."""
    context = open_segment(request, segment_id, "web:segment_exports")
    if isinstance(context, HttpResponse):
        return context
    form = ExportForm(request.POST or None, may_see=request.sight.is_open)
    if request.method == "POST" and form.is_valid():
        try:
            connector_services.request_export(
                segment_id=segment_id, file_format=form.cleaned_data["format"], columns=form.columns_given(),
                personal=form.cleaned_data["personal"], by=actor(request), now=request.now,
            )  # fmt: skip
        except BadColumns as wrong:
            form.add_error("columns", str(wrong))
        else:
            wake(WRITE_EXPORTS)
            toast(request, "The file is being written.")
            return go(request, reverse("web:segment_exports", args=[segment_id]))
    rows = connectors.exports(segment_id=segment_id)
    template = "segments/exports_table.html" if request.htmx else "segments/exports.html"
    return render(
        request, template, **context, form=form, rows=rows, status=422 if form.errors else 200,
        waiting=any(row.state == "waiting" for row in rows), may_export=access.can(request.user, "export"),
    )  # fmt: skip


@page("export")
def export_file(request: PageRequest, export_id: int) -> HttpResponse | StreamingHttpResponse:
    """The file. One with personal data opens only to those who see personal data at this moment."""
    found = connectors.export(export_id)
    if found is None or not found.available:
        return not_found(request, "file", reverse("web:segments"))
    if found.personal and not request.sight.is_open:
        toast(request, "This file holds personal data. Show personal data first, then take it.", bad=True)
        return go(request, reverse("web:unmask") + f"?next={reverse('web:segment_exports', args=[found.segment_id])}")
    connector_services.note_download(found, by=actor(request))
    return downloads.export_answer(found)
