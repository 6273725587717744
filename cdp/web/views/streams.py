"""The topic that a source is read from: setup, how far it was read, pause and resume."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.settings_form import secrets_given, settings_form, settings_given
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import STREAM_KINDS, InvalidSettings


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
    kind = request.GET.get("kind") or (found.kind if found else "kafka")
    kind = kind if kind in STREAM_KINDS else "kafka"
    known, same = STREAM_KINDS[kind], found is not None and found.kind == kind
    form = settings_form(known, posted, initial=found.settings if found and same else None, named=False)
    if posted is not None and form.is_valid():
        try:
            connector_services.keep_stream(
                source_id=source_id, kind=kind, settings=settings_given(known, form.cleaned_data),
                secrets=secrets_given(known, form.cleaned_data), by=actor(request), now=request.now,
            )  # fmt: skip
            toast(request, "Kept. It is read within seconds.")
            return go(request, here)
        except InvalidSettings as wrong:
            for problem in wrong.problems:
                form.add_problem(problem)
    template = "sources/stream_body.html" if request.htmx else "sources/stream.html"
    return render(
        request, template, **context, stream=found, form=form, status=422 if form.errors else 200, known=known,
        others=[(slug, one.label) for slug, one in STREAM_KINDS.items() if slug != kind], same=same,
    )  # fmt: skip
