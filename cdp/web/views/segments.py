"""Segments: the list, one segment in its tabs, and steering it."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from cdp import usage
from cdp.nudge import RUN_PUBLICATIONS, wake
from cdp.web import people
from cdp.web.access import action, page
from cdp.web.charts import segment_sizes
from cdp.web.pages import PageRequest, actor, go, not_found, record, render, toast
from cdp.web.paging import Page, after_id, page_of
from cdp.web.tabs import tabs
from connectors import selectors as connectors
from segments import selectors as segments
from segments import services as segment_services
from segments.contracts import RuleError, SegmentView

SIZES_BACK = timedelta(days=90)
# Below so many people a segment says more of single people than of a group.
SMALL = 10
_TABS = (
    ("Overview", "web:segment"), ("Members", "web:segment_members"), ("Changes", "web:segment_changes"),
    ("Versions", "web:segment_versions"), ("Syncs", "web:segment_syncs"), ("Exports", "web:segment_exports"),
)  # fmt: skip


@page("see")
def segment_list(request: PageRequest) -> HttpResponse:
    """All live segments, or the archived ones."""
    archived = request.GET.get("archived") == "1"
    query = request.GET.get("q", "").strip().lower()
    every = [one for one in segments.segments(archived=archived) if bool(one.archived_at) == archived]
    found = [one for one in every if query in f"{one.name} {one.slug} {one.owner} {' '.join(one.tags)}".lower()]
    used: dict[int, int] = {}
    for sync in connectors.syncs():
        used[sync.segment_id] = used.get(sync.segment_id, 0) + 1
    return render(
        request, "segments/list.html", segments=found, used=used, query=query, archived=archived,
        publishing=segments.publications_waiting(),
    )  # fmt: skip


def open_segment(request: PageRequest, segment_id: int, here: str) -> dict[str, Any] | HttpResponse:
    """What every tab of a segment needs."""
    found = segments.segment(segment_id)
    if found is None:
        return not_found(request, "segment", reverse("web:segments"))
    links = [(label, reverse(name, args=[segment_id])) for label, name in _TABS]
    return {"segment": found, "tabs": tabs(links, reverse(here, args=[segment_id]))}


@page("see")
def overview(request: PageRequest, segment_id: int) -> HttpResponse:
    """The rule in words, the size over time, and who uses it."""
    context = open_segment(request, segment_id, "web:segment")
    if isinstance(context, HttpResponse):
        return context
    shown: SegmentView = context["segment"]
    sizes = segments.size_history(segment_id, since=request.now - SIZES_BACK)
    return render(
        request, "segments/overview.html", **context, chart=segment_sizes(sizes),
        syncs=connectors.syncs(segment_id=segment_id), host=f"{request.scheme}://{request.get_host()}",
        moves=segments.volatility(segment_id, now=request.now),
        users=[one for one in map(segments.segment, segments.used_by(shown.slug)) if one],
        findings=[] if shown.is_archived else segments.findings_of(
            shown, now=request.now, used=segment_id in usage.used_segments()
        ),
    )  # fmt: skip


@page("see")
def health(request: PageRequest) -> HttpResponse:
    """Whether there are too many segments, stale ones, and ones that say the same."""
    by_id = {one.id: one for one in segments.segments()}
    told = segments.findings(now=request.now, used=usage.used_segments())
    found = [(by_id[one.segment_id], one) for one in told if one.segment_id in by_id]
    alike = [(by_id[one.a], by_id[one.b], one) for one in segments.overlaps()[:50] if {one.a, one.b} <= set(by_id)]
    small = sum(1 for one in by_id.values() if one.size < SMALL)
    return render(
        request, "segments/health.html", findings=found, alike=alike, live=len(by_id), small=small, small_below=SMALL,
        flagged=len({segment.id for segment, _ in found}),
    )  # fmt: skip


@page("see")
def members(request: PageRequest, segment_id: int) -> HttpResponse:
    """Who is in it now."""
    context = open_segment(request, segment_id, "web:segment_members")
    if isinstance(context, HttpResponse):
        return context
    start = after_id(request)
    ids = list(segments.members(segment_id, after_profile=start, limit=Page.SIZE + 1))
    shown = page_of(ids, key=lambda one: one, started=bool(start))
    named = people.by_ids(shown.rows)
    return render(
        request,
        "segments/members.html",
        **context,
        page=shown,
        people=[named[one] for one in shown.rows if one in named],
    )


@page("see")
def changes(request: PageRequest, segment_id: int) -> HttpResponse:
    """Who entered and left, the newest first."""
    context = open_segment(request, segment_id, "web:segment_changes")
    if isinstance(context, HttpResponse):
        return context
    start = after_id(request)
    rows = segments.latest_changes(segment_id, before_seq=start, limit=Page.SIZE + 1)
    shown = page_of(rows, key=lambda one: one.seq, started=bool(start))
    named = people.by_ids({one.profile_id for one in shown.rows})
    return render(
        request, "segments/changes.html", **context, page=shown,
        rows=[(one, named.get(one.profile_id)) for one in shown.rows],
    )  # fmt: skip


@page("see")
def versions(request: PageRequest, segment_id: int) -> HttpResponse:
    """Every version of the rule with what changed, to look at and to bring back."""
    context = open_segment(request, segment_id, "web:segment_versions")
    if isinstance(context, HttpResponse):
        return context
    return render(request, "segments/versions.html", **context, versions=segments.versions(segment_id))


@page("see")
def syncs(request: PageRequest, segment_id: int) -> HttpResponse:
    """Where this segment is sent."""
    context = open_segment(request, segment_id, "web:segment_syncs")
    if isinstance(context, HttpResponse):
        return context
    return render(
        request, "segments/syncs.html", **context, syncs=connectors.syncs(segment_id=segment_id),
        destinations=connectors.destinations(),
    )  # fmt: skip


@action("edit_segments")
def steer_segment(request: PageRequest, segment_id: int) -> HttpResponse:
    """Hold the members against the rule, or end the segment. Ending cannot be undone, so the form asks for the name."""
    found = segments.segment(segment_id)
    if found is None or found.archived_at is not None:
        return not_found(request, "live segment", reverse("web:segments"))
    here = reverse("web:segment", args=[segment_id])
    if request.POST.get("do") == "refresh":
        changed = segment_services.refresh(segment_id=segment_id, now=request.now)
        record(request, "segment.refresh", "segment", segment_id, f"Refreshed {found.name}", after={"changes": changed})
        toast(request, f"Held against its rule: {changed} change{'' if changed == 1 else 's'}.")
        return go(request, here)
    if request.POST.get("do") == "restore":
        return _restore(request, found)
    if request.POST.get("typed", "").strip() != found.name:
        toast(request, "The name does not fit; the segment goes on.", bad=True)
        return go(request, here)
    if why := usage.held_by(found):
        toast(request, why, bad=True)
        return go(request, here)
    try:
        segment_services.archive(segment_id=segment_id, by=actor(request), now=request.now)
    except segment_services.SegmentInUse as used:
        toast(request, str(used), bad=True)
        return go(request, here)
    record(request, "segment.archive", "segment", segment_id, f"Archived {found.name}", before={"people": found.size})
    toast(request, f"{found.name} is archived; everybody left it.")
    return go(request, reverse("web:segments"))


def _restore(request: PageRequest, segment: SegmentView) -> HttpResponse:
    """The rule of an earlier version again, as the next one."""
    version = request.POST.get("version", "")
    chosen = next((one for one in segments.versions(segment.id) if str(one.version) == version), None)
    if chosen is None:
        return not_found(request, "version", reverse("web:segment_versions", args=[segment.id]))
    try:
        if segment_services.takes_long(chosen.rule):
            asked = segment_services.request_publication(
                rule=chosen.rule, by=actor(request), now=request.now, segment=segment,
                note=f"As it was in version {version}.",
            )  # fmt: skip
            wake(RUN_PUBLICATIONS)
            return go(request, reverse("web:publication", args=[asked.id]))
        kept = segment_services.restore_version(
            segment_id=segment.id, version=int(version), by=actor(request), now=request.now
        )
    except RuleError as wrong:
        toast(request, f"It cannot come back: {wrong.problems[0].message}", bad=True)
        return go(request, reverse("web:segment_versions", args=[segment.id]))
    record(
        request, "segment.restore", "segment", segment.id, f"Brought version {version} of {segment.name} back",
        before={"rule": segment.rule}, after={"rule": kept.rule},
    )  # fmt: skip
    toast(request, f"{kept.name}: the rule of version {version} is in force again, as version {kept.version}.")
    return go(request, reverse("web:segment_versions", args=[segment.id]))
