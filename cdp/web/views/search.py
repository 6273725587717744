"""Search over everything, from any page (Ctrl+K)."""

from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from cdp.web import people
from cdp.web.access import page
from cdp.web.pages import PageRequest, render
from common import access
from connectors import selectors as sources
from segments import selectors as segments

MOST = 6


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing found. `field` names what kind of personal data `text` is, when it is."""

    text: str
    where: str
    icon: str
    address: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind."""

    label: str
    hits: list[Hit]


_PLACES = (
    ("New segment", "web:new_segment", "plus", "edit_segments"),
    ("New source", "web:new_source", "plus", "edit_connections"),
    ("New destination", "web:new_destination", "plus", "edit_connections"),
    ("Review queue", "web:review", "scale", "see"),
    ("Linkage model", "web:linkage_model", "adjustments", "see"),
    ("Linkage runs", "web:linkage_runs", "refresh", "see"),
    ("Why two people are one, or not", "web:why", "help-circle", "see"),
    ("Merge two profiles", "web:merge", "git-merge", "steward_identity"),
    ("Quarantine", "web:quarantine", "inbox", "see"),
    ("Jobs", "web:jobs", "list-check", "see"),
    ("Schedules: what starts when", "web:schedules", "clock", "see"),
    ("Activity and audit log", "web:activity", "history", "see"),
    ("People and roles", "web:people", "users", "administer"),
    ("API tokens", "web:tokens", "key", "administer"),
    ("My settings: theme, time zone", "web:appearance", "palette", "see"),
    ("Keyboard and help", "web:help", "keyboard", "see"),
)


@page("see")
def search(request: PageRequest) -> HttpResponse:
    """People by any identifier, then segments, sources and places, as a page or as the dialog's list."""
    query = request.GET.get("q", "").strip()[:200]
    groups = [group for group in _groups(request, query) if group.hits] if query else []
    template = "shell/search_results.html" if request.htmx else "shell/search.html"
    return render(request, template, query=query, groups=groups, dialog_start=not query)


def _groups(request: PageRequest, query: str) -> list[Group]:
    wanted = query.lower()
    found_people = [
        Hit(person.title, person.caption, "user", reverse("web:profile", args=[person.id]), person.title_field)
        for person in people.find(query, limit=MOST)
    ]
    found_segments = [
        Hit(one.name, "segment", "users-group", reverse("web:segment", args=[one.id]))
        for one in segments.segments() if wanted in one.name.lower() or wanted in one.slug
    ]  # fmt: skip
    found_sources = [
        Hit(one.name, one.kind, "plug-connected", reverse("web:source", args=[one.id]))
        for one in sources.sources() if wanted in one.name.lower()
    ]  # fmt: skip
    places = [
        Hit(label, "page", icon, reverse(name)) for label, name, icon, needed in _PLACES
        if wanted in label.lower() and access.can(request.user, needed)
    ]  # fmt: skip
    return [
        Group("People", found_people), Group("Segments", found_segments[:MOST]),
        Group("Sources", found_sources[:MOST]), Group("Pages", places[:MOST]),
    ]  # fmt: skip
