"""Sources: where data comes from, how to send it, and what comes in right now."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import action, page
from cdp.web.charts import events_per_hour
from cdp.web.forms import SourceForm
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.snippets import snippets
from cdp.web.tabs import tabs
from connectors import selectors as sources
from connectors import services as source_services
from connectors.contracts import SourceView
from events import selectors as log
from events.contracts import Tallied

LIVE_ROWS = 40
LIVE_BACK = timedelta(hours=1)
KINDS = {
    "web": "Website", "mobile": "Mobile app", "server": "Server", "email": "E-mail", "webhook": "Webhook",
    "stream": "Stream", "pull": "Database or CRM", "offline": "Offline file",
}  # fmt: skip


@page("see")
def source_list(request: PageRequest) -> HttpResponse:
    """All sources with what they sent in the last day."""
    counted: dict[int, list[int]] = {}
    for _, source_id, *amounts in log.tallies(since=request.now - timedelta(hours=24)):
        sums = counted.setdefault(source_id, [0] * len(amounts))
        for index, amount in enumerate(amounts):
            sums[index] += amount
    rows = [(one, Tallied(*counted.get(one.id, ()))) for one in sources.sources()]
    return render(request, "sources/list.html", rows=rows, kinds=KINDS)


@page("edit_connections", post="edit_connections")
def new_source(request: PageRequest) -> HttpResponse:
    """Name and kind are all that is asked; the write key is made here."""
    form = SourceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        made = source_services.create_source(
            name=form.cleaned_data["name"], kind=form.cleaned_data["kind"], by=actor(request), now=request.now
        )
        toast(request, f"{made.name} is ready. Send it something.")
        return go(request, reverse("web:source", args=[made.id]))
    return render(request, "sources/new.html", status=422 if form.is_bound else 200, form=form)


def open_source(request: PageRequest, source_id: int, here: str) -> dict[str, Any] | HttpResponse:
    """What every tab of a source needs."""
    found = sources.source(source_id)
    if found is None:
        return not_found(request, "source", reverse("web:sources"))
    links = [("Setup", reverse("web:source", args=[source_id])), ("Live", reverse("web:source_live", args=[source_id]))]
    # The ways in that fit the source; files fit every one.
    if found.kind == "stream" or sources.stream(source_id):
        links.append(("Stream", reverse("web:source_stream", args=[source_id])))
    if found.kind == "pull" or sources.pull(source_id):
        links.append(("Pull", reverse("web:source_pull", args=[source_id])))
    if found.kind == "email" or sources.email_hook(source_id):
        links.append(("Provider", reverse("web:source_email", args=[source_id])))
    if found.kind == "webhook" or sources.webhook(source_id):
        links.append(("Webhook", reverse("web:source_webhook", args=[source_id])))
    links.append(("Files", reverse("web:source_imports", args=[source_id])))
    links.append(("Plan", reverse("web:source_plan", args=[source_id])))
    links.append(("Privacy", reverse("web:source_privacy", args=[source_id])))
    links.append(("Quarantine", f"{reverse('web:quarantine')}?source={source_id}"))
    return {"source": found, "tabs": tabs(links, reverse(here, args=[source_id]))}


@page("see")
def source_page(request: PageRequest, source_id: int) -> HttpResponse:
    """Write key, snippets, and the hours of the last two days."""
    context = open_source(request, source_id, "web:source")
    if isinstance(context, HttpResponse):
        return context
    source: SourceView = context["source"]
    tallies = [row for row in log.tallies(since=request.now - timedelta(hours=48)) if row[1] == source_id]
    host = f"{request.scheme}://{request.get_host()}"
    return render(
        request, "sources/page.html", **context,
        snippets=snippets(write_key=source.write_key, host=host, cookie=bool(source.origins)),
        chart=events_per_hour(tallies, now=request.now), seen=bool(tallies),
    )  # fmt: skip


@page("see")
def live(request: PageRequest, source_id: int) -> HttpResponse:
    """What came in just now; the list asks again every two seconds until it is paused."""
    context = open_source(request, source_id, "web:source_live")
    if isinstance(context, HttpResponse):
        return context
    name = request.GET.get("name", "").strip().lower()
    found = log.latest(source_id=source_id, since=request.now - LIVE_BACK, limit=LIVE_ROWS * (5 if name else 1))
    shown = [event for event in found if name in f"{event.type} {event.name}".lower()][:LIVE_ROWS]
    template = "sources/live_rows.html" if request.htmx else "sources/live.html"
    return render(request, template, **context, events=shown, name=name, paused=request.GET.get("paused") == "1")


@action("edit_connections")
def switch_source(request: PageRequest, source_id: int) -> HttpResponse:
    """Let a source in or keep it out."""
    if sources.source(source_id) is None:
        return not_found(request, "source", reverse("web:sources"))
    enabled = request.POST.get("enabled") == "1"
    changed = source_services.set_enabled(source_id=source_id, enabled=enabled, by=actor(request))
    toast(request, f"{changed.name} is {'let in again' if enabled else 'kept out: its calls get 401'}.")
    return go(request, reverse("web:source", args=[source_id]))


@action("edit_connections")
def rotate_key(request: PageRequest, source_id: int) -> HttpResponse:
    """A new write key. Not undoable, so the form asks for the name."""
    found = sources.source(source_id)
    if found is None:
        return not_found(request, "source", reverse("web:sources"))
    if request.POST.get("typed", "").strip() != found.name:
        toast(request, "The name does not fit; the write key is as it was.", bad=True)
    else:
        source_services.rotate_write_key(source_id=source_id, by=actor(request))
        toast(request, "The source has a new write key. Put it into everything that sends.")
    return go(request, reverse("web:source", args=[source_id]))
