"""Looking into one sync: its members in numbers, and how one person goes through it."""

import json
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.web.access import page
from cdp.web.pages import PageRequest, actor, not_found, render
from cdp.web.tabs import Tab, tabs
from common import access
from connectors import selectors as connectors
from connectors import services as connector_services
from connectors.contracts import Exchange, SyncView, Tried
from identity import selectors as identity
from identity.contracts import IDENTIFIER_KINDS


def sync_tabs(request: PageRequest, sync_id: int) -> list[Tab]:
    """The pages of one sync; changing ones for those who may."""
    names = [("Overview", "web:sync"), ("Numbers", "web:sync_numbers")]
    if access.can(request.user, "edit_connections"):
        names += [("Mapping", "web:edit_mapping"), ("Test", "web:test_sync")]
    return tabs([(label, reverse(name, args=[sync_id])) for label, name in names], request.path)


@page("see")
def numbers_page(request: PageRequest, sync_id: int) -> HttpResponse:
    """Every member in one group, counted now."""
    sync = connectors.sync(sync_id)
    found = connectors.sync_numbers(sync_id)
    if sync is None or found is None:
        return not_found(request, "sync", reverse("web:destinations"))
    return render(
        request, "destinations/numbers_tiles.html" if request.htmx else "destinations/numbers.html", sync=sync,
        numbers=found, tabs=sync_tabs(request, sync_id),
    )  # fmt: skip


@page("edit_connections", post="edit_connections")
def test_page(request: PageRequest, sync_id: int) -> HttpResponse:
    """What one person gives, and, when asked, the call made once and what the channel said."""
    sync = connectors.sync(sync_id)
    if sync is None:
        return not_found(request, "sync", reverse("web:destinations"))
    who, tried, problem = request.POST.get("who", "").strip(), None, ""
    if request.method == "POST":
        tried, problem = _try(request, sync, who)
    return render(
        request, "destinations/test.html", status=422 if problem else 200, sync=sync, who=who, problem=problem,
        tried=tried, calls=[_shown(one) for one in tried.exchanges] if tried else [],
        tabs=sync_tabs(request, sync_id),
    )  # fmt: skip


def _try(request: PageRequest, sync: SyncView, who: str) -> tuple[Tried | None, str]:
    profile_id = person_of(who)
    if profile_id is None:
        return None, "Nobody has this id or identifier." if who else "Say who: a profile id or an identifier."
    try:
        tried = connector_services.try_sync(
            sync_id=sync.id, profile_id=profile_id, send=request.POST.get("do") == "send", by=actor(request),
            now=request.now,
        )  # fmt: skip
    except connector_services.NotPossible as problem:
        return None, str(problem)
    return tried if request.sight.is_open else connectors.conceal_tried(tried), ""


def person_of(text: str) -> int | None:
    """The profile of an id, of `kind:value`, or of an identifier of whatever kind."""
    if text.isdecimal() and len(text) < 19 and (found := identity.current_ids([int(text)])):
        return next(iter(found.values()))
    kind, colon, value = text.partition(":")
    keys = [(kind, value)] if colon and value else []
    keys += [(one, text) for one in IDENTIFIER_KINDS] if text else []
    ids = identity.find_identifiers(keys)
    chosen = next((ids[key] for key in keys if key in ids), None)
    return identity.current_ids([chosen]).get(chosen) if chosen is not None else None


def _shown(one: Exchange) -> dict[str, Any]:
    return {"call": one, "asked": _indented(one.request_body), "answered": _indented(one.response_body)}


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
