"""People: the list, and one profile in its tabs."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from cdp.web import people, timeline
from cdp.web.access import page
from cdp.web.graph import graph_of
from cdp.web.pages import PageRequest, not_found, render
from cdp.web.paging import Page, after_id, page_of
from cdp.web.tabs import tabs
from common import clock
from common.models import AuditEntry
from connectors import selectors as sources
from events import selectors as log
from identity import selectors as identity
from identity.contracts import ProfileView
from segments import selectors as segments

_TABS = (
    ("Traits", "web:profile"), ("Identities", "web:profile_identities"), ("Events", "web:profile_events"),
    ("Visits", "web:profile_sessions"), ("Segments", "web:profile_segments"), ("Campaigns", "web:profile_campaigns"),
    ("Messages", "web:profile_messages"), ("Scores", "web:profile_scores"),
    ("Recommended", "web:profile_recommended"), ("Consent", "web:profile_consent"), ("History", "web:profile_history"),
)  # fmt: skip


@page("see")
def profiles(request: PageRequest) -> HttpResponse:
    """Everybody, or those whose identifier or trait fits the search."""
    query = request.GET.get("q", "").strip()[:200]
    start = after_id(request)
    found = identity.profiles_page(search=query or None, after_id=start, limit=Page.SIZE + 1)
    shown = page_of(found, key=lambda one: one.id, started=bool(start))
    return render(
        request, "profiles/table.html" if request.htmx else "profiles/list.html",
        page=shown, query=query, people=[people.person(one) for one in shown.rows],
    )  # fmt: skip


def open_profile(request: PageRequest, profile_id: int, here: str) -> dict[str, Any] | HttpResponse:
    """What every tab needs; a retired id moves on to the profile that took it over."""
    view = identity.profile_view(profile_id=profile_id)
    if view is None:
        return not_found(request, "profile", reverse("web:profiles"))
    if view.id != profile_id:
        return HttpResponseRedirect(reverse(here, args=[view.id]))
    links = [(label, reverse(name, args=[view.id])) for label, name in _TABS]
    return {
        "profile": view, "person": people.person(view), "tabs": tabs(links, reverse(here, args=[view.id])),
        "names": sources.source_names(),
    }  # fmt: skip


@page("see")
def traits(request: PageRequest, profile_id: int) -> HttpResponse:
    """Each trait with where it came from, which rule chose it, and what else was claimed."""
    context = open_profile(request, profile_id, "web:profile")
    if isinstance(context, HttpResponse):
        return context
    return render(
        request, "profiles/traits.html", **context, provenance=identity.provenance(profile_id=profile_id),
        memberships=segments.memberships(profile_id=profile_id),
    )  # fmt: skip


@page("see")
def identities(request: PageRequest, profile_id: int) -> HttpResponse:
    """The identifiers and links as a graph and as tables, how they came together, and the tool to split them."""
    context = open_profile(request, profile_id, "web:profile_identities")
    if isinstance(context, HttpResponse):
        return context
    profile: ProfileView = context["profile"]
    links = identity.links_of(profile_id=profile_id)
    pair = _pair(request, profile)
    return render(
        request, "profiles/identities.html", **context, links=links, pair=pair,
        graph=graph_of(profile, links, request.sight),
        why=identity.why(a_id=pair[0], b_id=pair[1]) if pair else None,
    )  # fmt: skip


def _pair(request: PageRequest, profile: ProfileView) -> tuple[int, int] | None:
    """Two identifiers of this profile that the query string asks about."""
    own = {one.id for one in profile.identifiers}
    asked = [int(text) for text in (request.GET.get("a", ""), request.GET.get("b", "")) if text.isdecimal()]
    return (asked[0], asked[1]) if len(asked) == 2 and asked[0] != asked[1] and own.issuperset(asked) else None


@page("see")
def events(request: PageRequest, profile_id: int) -> HttpResponse:
    """What this person did, newest first."""
    context = open_profile(request, profile_id, "web:profile_events")
    if isinstance(context, HttpResponse):
        return context
    return render(
        request,
        "profiles/events.html",
        **context,
        **timeline.of(request, identity.identifier_ids(profile_id=profile_id)),
    )


@page("see")
def sessions(request: PageRequest, profile_id: int) -> HttpResponse:
    """Visits to websites and apps, the latest first."""
    context = open_profile(request, profile_id, "web:profile_sessions")
    if isinstance(context, HttpResponse):
        return context
    start = after_id(request)
    found = log.sessions(
        identifier_ids=identity.identifier_ids(profile_id=profile_id), source_ids=sources.visited_sources(),
        before=clock.from_micros(start) if start else request.now + timedelta(days=1), limit=Page.SIZE + 1,
        gap=timedelta(minutes=settings.SESSION_MINUTES),
    )  # fmt: skip
    shown = page_of(found, key=lambda one: clock.micros(one.started_at), started=bool(start))
    return render(request, "profiles/sessions.html", **context, page=shown, minutes=settings.SESSION_MINUTES)


@page("see")
def memberships(request: PageRequest, profile_id: int) -> HttpResponse:
    """The segments this person is in, and for any segment why or why not."""
    context = open_profile(request, profile_id, "web:profile_segments")
    if isinstance(context, HttpResponse):
        return context
    asked = request.GET.get("why", "")
    explained = None
    if asked.isdecimal() and segments.segment(int(asked)) is not None:
        explained = segments.explain(segment_id=int(asked), profile_id=profile_id, now=request.now)
    return render(
        request, "profiles/segments.html", **context, memberships=segments.memberships(profile_id=profile_id),
        segments=segments.segments(), asked=int(asked) if explained else None, explained=explained,
    )  # fmt: skip


@page("see")
def history(request: PageRequest, profile_id: int) -> HttpResponse:
    """What was decided about this person, with Undo, and who looked or changed something."""
    context = open_profile(request, profile_id, "web:profile_history")
    if isinstance(context, HttpResponse):
        return context
    ids = [str(profile_id), *(str(one) for one in context["profile"].merged_from)]
    entries = AuditEntry.objects.filter(object_type="profile", object_id__in=ids).order_by("-id")[:100]
    return render(
        request,
        "profiles/history.html",
        **context,
        decisions=identity.decisions(profile_id=profile_id),
        entries=entries,
    )
