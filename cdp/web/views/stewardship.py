"""What a data steward decides: merge, split, undo, and the review queue."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp.pipeline.follow import follow_moves
from cdp.web import compare, people
from cdp.web.access import action, page
from cdp.web.navigation import identity_tabs
from cdp.web.pages import PageRequest, actor, go, not_found, render, toast
from identity import selectors as identity
from identity import services as identity_services
from identity.contracts import Outcome, ProfileView

VERDICTS = {"match": "Match", "no_match": "Not a match", "unsure": "Unsure"}
MIN_REASON = 3


@page("steward_identity", post="steward_identity")
def merge(request: PageRequest) -> HttpResponse:
    """Two profiles side by side, what would differ, and the merge with its reason."""
    a, b = (named_profile(request, name) for name in ("a", "b"))
    error = ""
    if request.method == "POST" and a and b:
        reason = request.POST.get("reason", "").strip()[:500]
        if len(reason) >= MIN_REASON and a.id != b.id:
            return _merge(request, a.id, b.id, reason)
        error = "These are the same profile already." if a.id == b.id else "Say in a few words why they are one person."
    return render(
        request, "review/merge.html", status=422 if error else 200, a=a, b=b, error=error,
        a_text=given(request, "a"), b_text=given(request, "b"),
        person_a=people.person(a) if a else None, person_b=people.person(b) if b else None,
        lines=compare.lines(a, b) if a and b else [],
    )  # fmt: skip


def given(request: PageRequest, name: str) -> str:
    """What a person typed into a field."""
    return (request.POST.get(name) or request.GET.get(name, "")).strip()[:200]


def named_profile(request: PageRequest, name: str) -> ProfileView | None:
    """The profile a person means: its id, or any identifier of it."""
    text = given(request, name)
    if not text:
        return None
    found = identity.profile_view(profile_id=int(text)) if text.isdecimal() and len(text) < 19 else None
    if found is None:
        hits = people.find(text, limit=1)
        found = identity.profile_view(profile_id=hits[0].id) if hits else None
    return found


def _merge(request: PageRequest, a: int, b: int, reason: str) -> HttpResponse:
    outcome = identity_services.merge(
        a_profile=a, b_profile=b, by=actor(request), reason=reason, now=request.now, after=follow_moves
    )
    survivor = identity.profile_view(profile_id=a)
    if outcome.done and survivor is not None:
        tell(request, outcome, f"Merged into profile {survivor.id}.")
        return go(request, reverse("web:profile", args=[survivor.id]))
    tell(request, outcome, "")
    return go(request, f"{reverse('web:merge')}?a={a}&b={b}")


def tell(request: PageRequest, outcome: Outcome, text: str) -> None:
    """Say what an act did, with Undo, or why it did nothing."""
    if not outcome.done:
        toast(request, f"Nothing was changed: {outcome.refusal.replace('_', ' ')}", bad=True)
        return
    undo = reverse("web:undo_decision", args=[outcome.decision_id]) if outcome.decision_id else ""
    toast(request, text, undo=undo)


@action("steward_identity")
def split(request: PageRequest, profile_id: int) -> HttpResponse:
    """Take the chosen identifiers out into a profile of their own."""
    profile = identity.profile_view(profile_id=profile_id)
    if profile is None:
        return not_found(request, "profile", reverse("web:profiles"))
    here = reverse("web:profile_identities", args=[profile.id])
    own = {one.id for one in profile.identifiers}
    chosen = sorted(own & {int(text) for text in request.POST.getlist("identifier") if text.isdecimal()})
    reason = request.POST.get("reason", "").strip()[:500]
    if not chosen or len(chosen) == len(own) or len(reason) < MIN_REASON:
        toast(request, "Choose some of the identifiers, not all, and say why.", bad=True)
        return go(request, here)
    outcome = identity_services.split(
        profile_id=profile.id,
        identifier_ids=chosen,
        by=actor(request),
        reason=reason,
        now=request.now,
        after=follow_moves,
    )
    tell(request, outcome, f"{len(chosen)} identifier{'s' if len(chosen) > 1 else ''} split off.")
    return go(request, here)


@action("steward_identity")
def undo_decision(request: PageRequest, decision_id: int) -> HttpResponse:
    """Take a decision back; the profiles are as they were, with what has come since."""
    outcome = identity_services.undo_decision(
        decision_id=decision_id, by=actor(request), now=request.now, after=follow_moves
    )
    if outcome.done:
        toast(request, "Taken back.")
    else:
        toast(request, f"It could not be taken back: {outcome.refusal.replace('_', ' ')}", bad=True)
    return go(request, reverse("web:profiles"))


@page("see")
def review(request: PageRequest) -> HttpResponse:
    """The pairs linkage is in doubt about, one at a time, the likeliest first."""
    state = request.GET.get("state", "open")
    skipped = _skipped(request)
    queue = identity.review_queue(state=state, limit=20 + len(skipped))
    pair = next((one for one in queue if one.id not in skipped), None)
    context: dict[str, Any] = {
        "pair": pair,
        "waiting": identity.counts().get("review_open", len(queue)),
        "state": state,
        "tabs": identity_tabs("web:review"),
    }
    if pair is not None:
        a, b = identity.profile_view(profile_id=pair.a_profile), identity.profile_view(profile_id=pair.b_profile)
        if a and b:
            context |= {
                "a": a, "b": b, "person_a": people.person(a), "person_b": people.person(b),
                "lines": compare.lines(a, b),
                "weights": compare.weights(pair.weights),
                "verdict": compare.verdict(pair.weights),
            }  # fmt: skip
    passed = [*skipped, *([pair.id] if pair else [])]
    return render(
        request, "review/queue.html", **context, skip=",".join(map(str, passed)),
        skipped=len(skipped), verdicts=VERDICTS, recent=identity.decisions(kind="review", limit=10),
    )  # fmt: skip


def _skipped(request: PageRequest) -> list[int]:
    return [int(text) for text in request.GET.get("skip", "").split(",") if text.isdecimal()][-200:]


@action("steward_identity")
def decide(request: PageRequest, pair_id: int) -> HttpResponse:
    """Match, not a match, or unsure."""
    verdict = request.POST.get("verdict", "")
    if verdict not in VERDICTS:
        toast(request, "Choose one of the three verdicts.", bad=True)
        return go(request, reverse("web:review"))
    outcome = identity_services.decide_review(
        pair_id=pair_id, verdict=verdict, by=actor(request), now=request.now, after=follow_moves
    )
    tell(request, outcome, f"Kept: {VERDICTS[verdict].lower()}.")
    return go(request, reverse("web:review"))
