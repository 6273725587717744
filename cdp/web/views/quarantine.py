"""Items that were refused or could not be applied: look, edit, replay, discard."""

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.urls import reverse

from cdp import downloads
from cdp.nudge import APPLY_INBOX, RUN_REPLAYS, wake
from cdp.pipeline.rehearse import rehearse
from cdp.pipeline.replays import request_quarantine_replay
from cdp.web.access import action, page
from cdp.web.data_forms import STAGES, ItemForm, QuarantineForm
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from connectors import selectors as connectors
from connectors import services as connector_services
from events import selectors as log
from events import services as events
from events.contracts import QuarantinedView, QuarantineFilter, Refusal

STATES = (("open", "waiting"), ("replayed", "replayed"), ("discarded", "discarded"))


@page("see")
def quarantine(request: PageRequest) -> HttpResponse:
    """The items of one state that fit the filter, the newest first, with the reason in words."""
    state = request.GET.get("state", "open")
    state = state if state in dict(STATES) else "open"
    start = after_id(request)
    form, fits = _chosen(request)
    rows = log.quarantined(state=state, before_id=start, limit=Page.SIZE + 1, fits=fits)
    return render(
        request, "sources/quarantine.html", page=page_of(rows, key=lambda one: one.id, started=bool(start)),
        state=state, states=STATES, names=connectors.source_names(), stages=STAGES, form=form,
        waiting=log.quarantine_size(), filtered=fits != QuarantineFilter(), tabs=data_tabs("web:quarantine"),
    )  # fmt: skip


@page("see", post="replay_quarantine")
def replay_chosen(request: PageRequest) -> HttpResponse:
    """What a replay of everything that fits would take; a POST has it done by a worker."""
    form, fits = _chosen(request)
    counts, _ = log.quarantine_counts(fits)
    if request.method == "POST" and form.is_valid() and counts:
        made = request_quarantine_replay(fits=fits, by=actor(request), now=request.now)
        wake(RUN_REPLAYS)
        return go(request, reverse("web:replay", args=[made.id]))
    return render(
        request, "sources/quarantine_replay.html", form=form, counts=counts, total=sum(one.count for one in counts),
        names=connectors.source_names(), stages=STAGES, status=422 if form.errors else 200,
    )  # fmt: skip


def _chosen(request: PageRequest) -> tuple[QuarantineForm, QuarantineFilter]:
    form = QuarantineForm(request.GET)
    return form, form.fits() if form.is_valid() else QuarantineFilter()


@page("see", post="replay_quarantine")
def quarantined_item(request: PageRequest, item_id: int) -> HttpResponse:
    """One item. Whoever may, edits it, sees what would become of it, and replays it."""
    found = log.quarantined_item(item_id)
    if found is None:
        return not_found(request, "item", reverse("web:quarantine"))
    form = ItemForm(request.POST or None, initial={"item": _indented(found.item)})
    verdict: Any = None
    if request.method == "POST" and not request.sight.is_open:
        toast(request, "The item is shown, and edited, when you see personal data. Open it first.", bad=True)
        return go(request, reverse("web:quarantined_item", args=[item_id]))
    if request.method == "POST" and form.is_valid() and found.source_id is not None:
        text = form.cleaned_data["item"]
        # What was only indented for the form is the item as it came.
        text = found.item if text == _indented(found.item) else text
        if request.POST.get("do") == "replay":
            answer = _replay_edited(request, found, text)
            if answer is not None:
                return answer
        verdict = rehearse(source_id=found.source_id, raw=text.encode(), now=request.now)
    return render(
        request, "sources/quarantined_item.html", found=found, form=form, verdict=verdict,
        names=connectors.source_names(), stages=STAGES, status=422 if form.errors else 200,
    )  # fmt: skip


@page("see")
def quarantined_document(request: PageRequest, item_id: int) -> HttpResponseBase:
    """A document that cannot be read, for whoever sees personal data at this moment."""
    document = log.quarantined_document(item_id)
    if document is None:
        return not_found(request, "document", reverse("web:quarantine"))
    if not request.sight.is_open:
        toast(request, "The document is given out when you see personal data. Open it first.", bad=True)
        return go(request, reverse("web:quarantined_item", args=[item_id]))
    return downloads.document_answer(item_id, document)


def _replay_edited(request: PageRequest, found: QuarantinedView, text: str) -> HttpResponse | None:
    try:
        refused = connector_services.replay_edited(item_id=found.id, text=text, by=actor(request), now=request.now)
    except connector_services.Settled as why:
        toast(request, str(why), bad=True)
        return go(request, reverse("web:quarantined_item", args=[found.id]))
    if isinstance(refused, Refusal):
        toast(request, f"It would be refused again: {refused.detail}", bad=True)
        return None
    wake(APPLY_INBOX)
    toast(request, "Sent through again. The item as it came stays in the record.")
    return go(request, reverse("web:quarantined_item", args=[found.id]))


def _indented(item: str) -> str:
    """As people read JSON; what nobody can read stays as it is."""
    try:
        return json.dumps(json.loads(item), indent=2, ensure_ascii=False)
    except ValueError:
        return item


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
