"""Values that rules ask a person to look at, one after the other, by keyboard."""

from django.http import HttpResponse
from django.urls import reverse

from cdp import reviewing
from cdp.web.access import action, page
from cdp.web.navigation import data_tabs
from cdp.web.pages import PageRequest, actor, go, render, toast
from cdp.web.paging import after_id
from connectors import selectors as connectors
from events import selectors as log
from quality import selectors
from quality.contracts import BadRule


@page("see")
def value_review(request: PageRequest) -> HttpResponse:
    """The oldest value that waits (after those that were skipped), the item it stands in, and the last verdicts."""
    names, skip = connectors.source_names(), after_id(request) or 0
    found = next(iter(selectors.review_items(sources=names, after_id=skip, limit=1)), None)
    kept = log.quarantined_items([found.quarantined_id]).get(found.quarantined_id) if found else None
    return render(
        request, "data/value_review.html", one=found, item=kept.item if kept else "", names=names, skipped=bool(skip),
        waiting=selectors.review_size(), recent=selectors.last_reviews(sources=names),
        tabs=data_tabs("web:value_review"),
    )  # fmt: skip


@action("replay_quarantine")
def settle_value(request: PageRequest, review_id: int) -> HttpResponse:
    """Accept, correct or reject."""
    verdict = request.POST.get("verdict", "")
    try:
        reviewing.settle(
            review_id=review_id, verdict=verdict, value=request.POST.get("value", "").strip(), by=actor(request),
            now=request.now,
        )  # fmt: skip
        toast(
            request,
            {"rejected": "Rejected: the item stays in the quarantine."}.get(verdict, f"{verdict.capitalize()}."),
        )
    except BadRule as wrong:
        toast(request, str(wrong), bad=True)
    return go(request, reverse("web:value_review"))
