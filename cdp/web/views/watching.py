"""The place where files of a source are looked for."""

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.forms import WatchForm
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.settings_form import secrets_given, settings_form, settings_given
from cdp.web.views.sources import open_source
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import WATCHED_PLACES, InvalidSettings


@page("see", post="edit_connections")
def source_watch(request: PageRequest, source_id: int) -> HttpResponse:
    """Which place, how often, what was taken, pause and resume."""
    context = open_source(request, source_id, "web:source_imports")
    if isinstance(context, HttpResponse):
        return context
    found, here = connectors.watch(source_id), reverse("web:source_watch", args=[source_id])
    posted = request.POST if request.method == "POST" else None
    if posted is not None and found is not None and posted.get("do") in ("pause", "resume"):
        connector_services.switch_watch(
            source_id=source_id, enabled=posted["do"] == "resume", by=actor(request), now=request.now
        )
        return go(request, here)
    asked = request.GET.get("place", found.place if found else "folder")
    chosen = asked if asked in WATCHED_PLACES else "folder"
    place = WATCHED_PLACES[chosen]
    mine = found is not None and found.place == chosen
    form = settings_form(place, posted, initial=found.settings if found and mine else None, named=False)
    often = WatchForm(posted, initial={"every_minutes": found.every_minutes if found else 60})
    if posted is not None and form.is_valid() and often.is_valid():
        try:
            connector_services.keep_watch(
                source_id=source_id, place=chosen, settings=settings_given(place, form.cleaned_data),
                secrets=secrets_given(place, form.cleaned_data), every_minutes=often.cleaned_data["every_minutes"],
                by=actor(request), now=request.now,
            )  # fmt: skip
            toast(request, "Kept. The first look comes within seconds.")
            return go(request, here)
        except InvalidSettings as wrong:
            for problem in wrong.problems:
                form.add_problem(problem)
    template = "sources/watch_body.html" if request.htmx else "sources/watch.html"
    return render(
        request, template, **context, watch=found, form=form, often=often, places=WATCHED_PLACES.items(),
        chosen=chosen, mine=mine, status=422 if form.errors or often.errors else 200,
    )  # fmt: skip
