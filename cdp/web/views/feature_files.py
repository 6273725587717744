"""Feature files and training sets."""

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse

from cdp import downloads
from cdp.nudge import WRITE_EXPORTS, wake
from cdp.web.access import page
from cdp.web.insights_forms import FeatureFileForm
from cdp.web.navigation import insights_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from common import access
from insights import selectors, services
from insights.contracts import BadTable


@page("see", post="export")
def feature_files(request: PageRequest) -> HttpResponse:
    """Files that were made, and a form for one more."""
    initial = {"features": ["recency_days", "frequency", "monetary"]}
    form = FeatureFileForm(request.POST or None, initial=initial, may_see=request.sight.is_open)
    if request.method == "POST" and form.is_valid():
        try:
            services.request_table(**form.cleaned_data, by=actor(request), now=request.now)
        except BadTable as wrong:
            field, _, message = str(wrong).partition(": ")
            form.add_error(field if field in form.fields else None, message)
        else:
            wake(WRITE_EXPORTS)
            toast(request, "The file is being written.")
            return go(request, reverse("web:feature_files"))
    rows = selectors.tables()
    template = "insights/files_table.html" if request.htmx else "insights/files.html"
    return render(
        request, template, tabs=insights_tabs("web:feature_files"), form=form, rows=rows,
        waiting=any(row.state == "waiting" for row in rows), may_export=access.can(request.user, "export"),
        status=422 if form.errors else 200,
    )  # fmt: skip


@page("export")
def feature_file(request: PageRequest, table_id: int) -> HttpResponse | StreamingHttpResponse:
    """The file. One with personal data opens only to those who see personal data at this moment."""
    found = selectors.table(table_id)
    if found is None or not found.available:
        return not_found(request, "file", reverse("web:feature_files"))
    if found.personal and not request.sight.is_open:
        toast(request, "This file holds personal data. Show personal data first, then take it.", bad=True)
        return go(request, reverse("web:unmask") + f"?next={reverse('web:feature_files')}")
    services.note_table_download(found, by=actor(request), now=request.now)
    return downloads.table_answer(found)
