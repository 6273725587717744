"""The cluster studio, where one profile is taken apart with care, and why two people are one or not."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from cdp.web import cluster, people, reasons
from cdp.web.access import action, page
from cdp.web.graph import graph_of
from cdp.web.navigation import identity_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from cdp.web.views.profiles import open_profile
from cdp.web.views.stewardship import MIN_REASON, given, named_profile, tell
from identity import selectors as identity
from identity import services as identity_services
from identity.contracts import LinkView, Outcome, ProfileView


@page("see")
def cluster_studio(request: PageRequest, profile_id: int) -> HttpResponse:
    """The links of a profile, the weakest first, and what taking one of them back would do."""
    context = open_profile(request, profile_id, "web:cluster")
    if isinstance(context, HttpResponse):
        return context
    profile: ProfileView = context["profile"]
    links = identity.links_of(profile_id=profile.id)
    edges = cluster.edges_of(profile, links)
    cut = _cut(profile, edges, _pair(request.GET.get("cut", ""))) if cluster.is_whole(profile, links) else None
    return render(
        request, "linkage/cluster.html", **context, edges=edges, cut=cut, whole=cluster.is_whole(profile, links),
        bridges=sum(one.bridge for one in edges),
        graph=graph_of(
            profile, links, request.sight, bridges={one.pair for one in edges if one.bridge},
            cut=cut.edge.pair if cut else None, parting={one.id for one in cut.goes.identifiers} if cut else (),
        ),
    )  # fmt: skip


def _pair(text: str) -> cluster.Pair | None:
    ends = [int(end) for end in text.split("-") if end.isdecimal() and len(end) < 19]
    return (min(ends), max(ends)) if len(ends) == 2 else None


def _cut(profile: ProfileView, edges: list[cluster.Edge], pair: cluster.Pair | None) -> cluster.Cut | None:
    provenance = identity.provenance(profile_id=profile.id) if pair else []
    return cluster.cut_of(profile, edges, pair, provenance)


@action("steward_identity")
def part_cluster(request: PageRequest, profile_id: int) -> HttpResponse:
    """Take a link back, or part the profile at it. What parts is reckoned anew: the form only names the link."""
    profile = identity.profile_view(profile_id=profile_id)
    if profile is None:
        return not_found(request, "profile", reverse("web:profiles"))
    here = reverse("web:cluster", args=[profile.id])
    links = identity.links_of(profile_id=profile.id)
    cut = _cut(profile, cluster.edges_of(profile, links), _pair(request.POST.get("cut", "")))
    reason = request.POST.get("reason", "").strip()[:500]
    if cut is None or not cluster.is_whole(profile, links) or len(reason) < MIN_REASON:
        toast(request, "Choose a link that holds, and say why it is wrong.", bad=True)
        return go(request, here)
    outcome, told = _part(request, profile, cut, reason)
    tell(request, outcome, told)
    return go(request, here)


def _part(request: PageRequest, profile: ProfileView, cut: cluster.Cut, reason: str) -> tuple[Outcome, str]:
    by, now, count = actor(request), request.now, len(cut.goes.identifiers)
    if cut.parts and request.POST.get("way") != "retract":
        outcome = identity_services.split(
            profile_id=profile.id, identifier_ids=[one.id for one in cut.goes.identifiers],
            by=by, reason=reason, now=now, after=follow_moves,
        )  # fmt: skip
        return outcome, f"{count} identifier{'s' if count > 1 else ''} split off."
    a, b = cut.edge.pair
    outcome = identity_services.retract_link(a_id=a, b_id=b, by=by, reason=reason, now=now, after=follow_moves)
    return outcome, "The link is taken back; the profile has parted." if outcome.created else "The link is taken back."


@page("see")
def why(request: PageRequest) -> HttpResponse:
    """Why two people, or two identifiers, are one person or are not."""
    a, b = named_profile(request, "a"), named_profile(request, "b")
    context: dict[str, Any] = {}
    if a and b:
        ends = _end(a, given(request, "a")), _end(b, given(request, "b"))
        context = {"person_a": people.person(a), "person_b": people.person(b), **_told(a, b, ends)}
    return render(
        request, "linkage/why.html", tabs=identity_tabs("web:why"), a=a, b=b,
        a_text=given(request, "a"), b_text=given(request, "b"), **context,
    )  # fmt: skip


def _end(profile: ProfileView, text: str) -> int:
    """The identifier that a person named: by its id, by its value, or the founding one of its profile."""
    own = {one.id for one in profile.identifiers}
    if text.isdecimal() and int(text) in own:
        return int(text)
    return next((one.id for one in profile.identifiers if one.value.casefold() == text.casefold()), profile.id)


def _told(a: ProfileView, b: ProfileView, ends: tuple[int, int]) -> dict[str, Any]:
    found = identity.why(a_id=ends[0], b_id=ends[1])
    if a.id == b.id:
        return {"together": True, "found": found, "same": ends[0] == ends[1]}
    model = identity.linkage_model()
    told = reasons.apart(
        found, _taken_back(a, b), identity.review_pairs_between(a.id, b.id),
        ask_from=float(model.spec.get("review_above", 0.5)) if model else 0.5,
    )  # fmt: skip
    return {"together": False, "reasons": told}


def _taken_back(a: ProfileView, b: ProfileView) -> list[LinkView]:
    """Links between the two that somebody took back."""
    there = {one.id for one in b.identifiers}
    here = {one.id for one in a.identifiers}
    return [
        link for link in identity.links_of(profile_id=a.id)
        if link.retracted_at and {link.a.id, link.b.id} & there and {link.a.id, link.b.id} & here
    ]  # fmt: skip
