"""Making and changing the rule of a segment. Works with full pages; htmx only saves the reload."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.text import slugify

from cdp.nudge import RUN_PUBLICATIONS, wake
from cdp.web import people, suggestions
from cdp.web.access import page
from cdp.web.forms import SegmentForm
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.rules.draft import Draft, apply, from_form, from_rule, to_rule
from cdp.web.rules.shown import MEASURES, MODES, UNITS, problems_by_path, settle, show, unreadable
from events import selectors as log
from segments import selectors as segments
from segments import services as segment_services
from segments.contracts import RuleError, SegmentView

NAMES_BACK = timedelta(days=30)
_DETAILS = ("name", "description", "owner", "review_on", "tags")
_EVENT_WORDS = {"$page": "a page view", "$screen": "a screen view", "$identify": "an identify call"}


@page("edit_segments", post="edit_segments")
def new_segment(request: PageRequest) -> HttpResponse:
    """A segment from nothing."""
    return _edit(request, None)


@page("edit_segments", post="edit_segments")
def edit_segment(request: PageRequest, segment_id: int) -> HttpResponse:
    """Another rule or name for a segment; the rule gets a new version."""
    found = segments.segment(segment_id)
    return (
        _edit(request, found)
        if found and not found.archived_at
        else not_found(request, "segment", reverse("web:segments"))
    )


def _edit(request: PageRequest, segment: SegmentView | None) -> HttpResponse:
    if request.method != "POST":
        return _show(request, segment, _first_draft(segment), SegmentForm(initial=_first_texts(segment)))
    draft = settle(from_form(request.POST.dict()))
    command = request.POST.get("do", "")
    if command:
        focus = apply(draft, command)
        return _show(request, segment, draft, SegmentForm(initial=request.POST.dict()), focus=focus)
    form = SegmentForm(request.POST)
    problems, rule = _check(draft)
    if problems or not form.is_valid():
        return _show(request, segment, draft, form, problems=problems, status=422)
    try:
        if (segment is None or rule != segment.rule) and segment_services.takes_long(rule):
            return _publish_later(request, segment, rule, form.cleaned_data)
        kept = _keep(request, segment, rule, form.cleaned_data)
    except RuleError as wrong:
        # What only the other segments tell: circles, and segments that are no more.
        told = {"r": wrong.problems[0].message}
        return _show(request, segment, draft, form, problems=told, status=422)
    toast(request, f"{kept.name}: {kept.size} people.")
    return go(request, reverse("web:segment", args=[kept.id]))


def _first_draft(segment: SegmentView | None) -> Draft:
    if segment is not None:
        return from_rule(segment.rule)
    return Draft("group", {"mode": "all"}, [Draft.new("trait")])


def _first_texts(segment: SegmentView | None) -> dict[str, Any]:
    if segment is None:
        return {}
    return {**{name: getattr(segment, name) for name in _DETAILS}, "tags": ", ".join(segment.tags)}


def _check(draft: Draft) -> tuple[dict[str, str], dict[str, Any]]:
    """(problems by form path, rule): no problems means that the rule can be used."""
    rule, places = to_rule(draft)
    if not draft.children:
        return {"r": "Add at least one condition."}, rule
    if unread := unreadable(rule, places):
        return unread, rule
    try:
        segment_services.parse_rule(rule)
    except RuleError as wrong:
        return problems_by_path(wrong.problems, places), rule
    return {}, rule


def _keep(
    request: PageRequest, segment: SegmentView | None, rule: dict[str, Any], texts: dict[str, Any]
) -> SegmentView:
    by, now, details = actor(request), request.now, {name: texts[name] for name in _DETAILS}
    if segment is None:
        kept = segment_services.create_segment(slug=_free_slug(texts["name"]), rule=rule, by=by, now=now, **details)
        record(request, "segment.create", "segment", kept.id, f"Created the segment {kept.name}", after={"rule": rule})
        return kept
    kept = segment
    # The rule goes first: it can be refused, and then nothing may have changed.
    if rule != segment.rule:
        kept = segment_services.change_rule(segment_id=segment.id, rule=rule, by=by, now=now, note=texts["note"])
    if details != {name: getattr(segment, name) for name in _DETAILS}:
        kept = segment_services.change_details(segment_id=segment.id, now=now, **details)
    record(
        request, "segment.change", "segment", kept.id, f"Changed the segment {kept.name}",
        before={"rule": segment.rule, "name": segment.name}, after={"rule": rule, "name": kept.name},
    )  # fmt: skip
    return segments.segment(kept.id) or kept


def _publish_later(
    request: PageRequest, segment: SegmentView | None, rule: dict[str, Any], texts: dict[str, Any]
) -> HttpResponse:
    """A worker counts the past; the page shows how far it is."""
    asked = segment_services.request_publication(
        rule=rule, by=actor(request), now=request.now, segment=segment, note=texts["note"],
        slug="" if segment else _free_slug(texts["name"]), details={name: texts[name] for name in _DETAILS},
    )  # fmt: skip
    wake(RUN_PUBLICATIONS)
    return go(request, reverse("web:publication", args=[asked.id]))


def _free_slug(name: str) -> str:
    base = slugify(name)[:60] or "segment"
    taken = {one.slug for one in segments.segments(archived=True)}
    return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 10_000))) if slug not in taken)


def _show(
    request: PageRequest, segment: SegmentView | None, draft: Draft, form: SegmentForm, *,
    problems: dict[str, str] | None = None, focus: str = "", status: int = 200,
) -> HttpResponse:  # fmt: skip
    fragment = request.htmx and "do" in request.POST
    return render(
        request, "segments/rule/editor.html" if fragment else "segments/edit.html", status=200 if fragment else status,
        segment=segment, form=form, root=show(draft, problems=problems or {}, focus=focus), problems=problems,
        modes=MODES, measures=MEASURES, units=UNITS, trait_names=suggestions.trait_names(),
        segment_names=[(one.slug, one.name) for one in segments.segments() if not segment or one.id != segment.id],
        event_names=[name for name, _ in log.event_names(since=request.now - NAMES_BACK)], event_words=_EVENT_WORDS,
    )  # fmt: skip


@page("edit_segments", methods=("POST",))
def preview(request: PageRequest) -> HttpResponse:
    """How many people the rule would take now, and some of them."""
    problems, rule = _check(settle(from_form(request.POST.dict())))
    if problems:
        first = next(iter(problems.values()))
        return render(request, "segments/rule/preview.html", problem=first)
    try:
        found = segment_services.preview(rule=rule, now=request.now)
    except (segment_services.PreviewTooSlow, RuleError) as problem:
        return render(request, "segments/rule/preview.html", problem=str(problem).removeprefix("/: "))
    named = people.by_ids(found.sample[:10])
    return render(request, "segments/rule/preview.html", found=found, people=list(named.values()))
