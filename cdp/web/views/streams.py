"""The topic that a source is read from: setup, how far it was read, pause and resume."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.settings_form import secrets_given, settings_form, settings_given
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import STREAM_KIND, InvalidSettings


@page("see", post="edit_connections")
def source_stream(request: PageRequest, source_id: int) -> HttpResponse:
    """Lag by partition, and a form."""
    context = open_source(request, source_id, "web:source_stream")
    if isinstance(context, HttpResponse):
        return context
    found = connectors.stream(source_id)
    posted = request.POST if request.method == "POST" else None
    here = reverse("web:source_stream", args=[source_id])
    if posted is not None and found is not None and posted.get("do") in ("pause", "resume"):
        connector_services.switch_stream(source_id=source_id, enabled=posted["do"] == "resume", by=actor(request))
        return go(request, here)
    form = settings_form(STREAM_KIND, posted, initial=found.settings if found else None, named=False)
    if posted is not None and form.is_valid():
        try:
            connector_services.keep_stream(
                source_id=source_id, settings=settings_given(STREAM_KIND, form.cleaned_data),
                secrets=secrets_given(STREAM_KIND, form.cleaned_data), by=actor(request), now=request.now,
            )  # fmt: skip
            toast(request, "Kept. It is read within seconds.")
            return go(request, here)
        except InvalidSettings as wrong:
            for problem in wrong.problems:
                form.add_problem(problem)
    template = "sources/stream_body.html" if request.htmx else "sources/stream.html"
    return render(request, template, **context, stream=found, form=form, status=422 if form.errors else 200)
