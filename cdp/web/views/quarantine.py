"""Items that were refused or could not be applied: look, replay, discard."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import APPLY_INBOX, wake
from cdp.web.access import action, page
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from connectors import selectors as connectors
from connectors import services as connector_services
from events import selectors as log
from events import services as events

STATES = (("open", "waiting"), ("replayed", "replayed"), ("discarded", "discarded"))


@page("see")
def quarantine(request: PageRequest) -> HttpResponse:
    """The items of one state, the newest first, with the reason in words."""
    state = request.GET.get("state", "open")
    state = state if state in dict(STATES) else "open"
    source = request.GET.get("source", "")
    start = after_id(request)
    found = log.quarantined(state=state, before_id=start, limit=(Page.SIZE + 1) * (10 if source else 1))
    rows = [one for one in found if not source or str(one.source_id) == source][: Page.SIZE + 1]
    return render(
        request, "sources/quarantine.html", page=page_of(rows, key=lambda one: one.id, started=bool(start)),
        state=state, states=STATES, names=connectors.source_names(), source=source, waiting=log.quarantine_size(),
        tabs=data_tabs("web:quarantine"),
    )  # fmt: skip


@action("replay_quarantine")
def settle_quarantine(request: PageRequest) -> HttpResponse:
    """Replay or discard the chosen items."""
    chosen = sorted({int(text) for text in request.POST.getlist("item") if text.isdecimal()})
    back = reverse("web:quarantine")
    if not chosen:
        toast(request, "Choose at least one item.", bad=True)
    elif request.POST.get("do") == "replay":
        _replay(request, chosen)
    else:
        count = events.discard(chosen, by=actor(request), now=request.now)
        record(request, "quarantine.discard", "quarantine", chosen[0], f"Discarded {count} item(s)", before=chosen)
        toast(request, f"{count} item{'' if count == 1 else 's'} discarded.")
    return go(request, back)


def _replay(request: PageRequest, ids: Sequence[int]) -> None:
    done = connector_services.replay_quarantined(ids, by=actor(request), now=request.now)
    if done.accepted:
        wake(APPLY_INBOX)
        toast(request, f"{done.accepted} item{'' if done.accepted == 1 else 's'} sent through again.")
    if done.refused:
        toast(request, f"{len(done.refused)} would be refused again: {done.refused[0][1]}", bad=True)
