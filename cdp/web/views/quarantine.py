"""Items that were refused or could not be applied: look, replay, discard."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.urls import reverse

from cdp.nudge import APPLY_INBOX, wake
from cdp.web.access import action, page
from cdp.web.pages import PageRequest, actor, go, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from connectors import selectors as connectors
from connectors.services import replay_quarantined
from events import selectors as log
from events import services as events
from events.contracts import QuarantinedView

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
    )  # fmt: skip


@action("replay_quarantine")
def settle_quarantine(request: PageRequest) -> HttpResponse:
    """Replay or discard the chosen items."""
    chosen = {int(text) for text in request.POST.getlist("item") if text.isdecimal()}
    items = [one for one in log.quarantined(state="open", limit=5_000) if one.id in chosen]
    back = reverse("web:quarantine")
    if not items:
        toast(request, "Choose at least one item.", bad=True)
    elif request.POST.get("do") == "replay":
        _replay(request, items)
    else:
        count = events.discard([one.id for one in items], by=actor(request), now=request.now)
        record(
            request, "quarantine.discard", "quarantine", "items", f"Discarded {count} item(s)", before=sorted(chosen)
        )
        toast(request, f"{count} item{'' if count == 1 else 's'} discarded.")
    return go(request, back)


def _replay(request: PageRequest, items: Sequence[QuarantinedView]) -> None:
    found = replay_quarantined([one.id for one in items], by=actor(request), now=request.now)
    if found.accepted:
        wake(APPLY_INBOX)
        toast(request, f"{found.accepted} item{'' if found.accepted == 1 else 's'} sent through again.")
    if found.refused:
        toast(request, f"{len(found.refused)} would be refused again: {found.refused[0][1]}", bad=True)
