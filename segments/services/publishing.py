"""People's verbs: make, change and archive a segment.

A published rule starts counting from the whole log (see `preparing`), and its members are filled in by one statement,
in one transaction that has the turn, so no event falls between; from then on it follows the events.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import psycopg
from django.db import IntegrityError, transaction

from segments import sql
from segments.contracts import RuleError, SegmentView
from segments.differing import diff_rules
from segments.hierarchy import dependents, expanded
from segments.models import Segment, SegmentVersion, StaticList
from segments.parsing import SLUG, Problem, parse_rule
from segments.rules import Node, OnList, leaves
from segments.services import counters
from segments.services.memory import load_rules
from segments.services.preparing import prepared
from segments.services.settling import settle_rule, settle_segment
from segments.services.turn import take_turn
from segments.views import segment_view


class SlugTaken(ValueError):
    """Another segment, perhaps an archived one, has this slug."""


class SegmentInUse(ValueError):
    """Other segments refer to this one."""


def create_segment(
    *,
    name: str,
    rule: Any,
    by: str,
    now: datetime,
    slug: str = "",
    description: str = "",
    owner: str = "",
    review_on: date | None = None,
    tags: Sequence[str] = (),
) -> SegmentView:
    """Publish a new segment: its counters are filled from the log, its members entered with reason `publish`.

    Raises `RuleError` (every problem with its place) or `SlugTaken`.
    """
    node = rule if isinstance(rule, Node) else parse_rule(rule)
    slug = slug_of(slug, name)
    try:
        with prepared(node, now=now), transaction.atomic():
            conn = take_turn()
            with transaction.atomic():
                segment = Segment.objects.create(
                    slug=slug,
                    name=name or slug,
                    rule=node.to_json(),
                    description=description,
                    owner=owner or by,
                    review_on=review_on,
                    tags=list(tags),
                    created_by=by,
                    created_at=now,
                    changed_at=now,
                    refreshed_at=now,
                )
            _add_version(segment, [], by=by, note="", now=now)
            _publish(conn, segment, node, now)
    except IntegrityError as error:
        raise _taken(slug) from error
    return segment_view(segment)


def slug_of(slug: str, name: str) -> str:
    """The slug, or one made of the name. Raises `RuleError` when it is none."""
    slug = slug or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80]
    if not SLUG.fullmatch(slug) or len(slug) > 80:
        raise RuleError(Problem("/slug", "Use up to 80 small letters, digits and single hyphens."))
    return slug


def expect_free(slug: str) -> None:
    """Raises `SlugTaken` when a segment has this slug."""
    if Segment.objects.filter(slug=slug).exists():
        raise _taken(slug)


def _taken(slug: str) -> SlugTaken:
    return SlugTaken(f"A segment with the slug {slug} exists already. Choose another slug.")


def change_rule(*, segment_id: int, rule: Any, by: str, now: datetime, note: str = "") -> SegmentView:
    """Give a live segment a new rule, as its next version, and settle the segments that refer to it.

    The same rule again changes nothing.
    """
    node = rule if isinstance(rule, Node) else parse_rule(rule)
    with prepared(node, now=now), transaction.atomic():
        conn = take_turn()
        segment = Segment.objects.select_for_update().get(pk=segment_id, archived_at=None)
        before = parse_rule(segment.rule)
        if node != before:
            segment.rule, segment.version = node.to_json(), segment.version + 1
            segment.changed_at = segment.refreshed_at = now
            segment.save()
            _add_version(segment, diff_rules(before, node), by=by, note=note, now=now)
            _publish(conn, segment, node, now)
    return segment_view(segment)


def restore_version(*, segment_id: int, version: int, by: str, now: datetime) -> SegmentView:
    """Give a live segment the rule of an earlier version again, as its next version.

    Raises `SegmentVersion.DoesNotExist`, or `RuleError` when that rule refers to a segment that is no more.
    """
    row = SegmentVersion.objects.get(segment_id=segment_id, version=version)
    return change_rule(segment_id=segment_id, rule=row.rule, by=by, now=now, note=f"As it was in version {version}.")


def change_details(*, segment_id: int, now: datetime, **details: Any) -> SegmentView:
    """Set any of name, description, owner, review_on and tags."""
    unknown = set(details) - {"name", "description", "owner", "review_on", "tags"}
    if unknown:
        raise TypeError(f"not a detail of a segment: {', '.join(sorted(unknown))}")
    Segment.objects.filter(pk=segment_id).update(changed_at=now, **details)
    return segment_view(Segment.objects.get(pk=segment_id))


def note_reminded(*, segment_ids: Sequence[int], today: date) -> None:
    """Their owners were reminded of the reviews that are due."""
    Segment.objects.filter(pk__in=segment_ids).update(reminded_on=today)


def archive(*, segment_id: int, by: str, now: datetime) -> SegmentView:
    """End a segment: everybody leaves it, its ledger and versions stay. Safe to repeat.

    Raises `SegmentInUse` while other live segments refer to it.
    """
    with transaction.atomic():
        conn = take_turn()
        segment = Segment.objects.select_for_update().get(pk=segment_id)
        if segment.archived_at is None:
            users = dependents(segment.slug, load_rules(conn))
            if users:
                raise SegmentInUse(f"The segments {', '.join(users)} refer to it. Change their rules first.")
            settle_segment(conn, segment, sql.NOBODY, {}, reason="archive", now=now)
            segment.archived_at = segment.changed_at = now
            segment.save()
            _add_version(segment, [{"change": "archived"}], by=by, note="", now=now, version=segment.version + 1)
            counters.drop_unread(conn)
    return segment_view(segment)


def _publish(conn: psycopg.Connection[Any], segment: Segment, rule: Node, now: datetime) -> None:
    """Count what the rule reads, and settle the segment and those that refer to it."""
    rules = load_rules(conn)
    expect_lists(rule)
    counters.ensure(conn, rule, now=now)
    settle_rule(conn, segment, expanded(rule, rules, slug=segment.slug), reason="publish", now=now)
    for slug in dependents(segment.slug, rules):
        below = Segment.objects.get(slug=slug)
        settle_rule(conn, below, expanded(rules[slug], rules, slug=slug), reason="publish", now=now)
    counters.drop_unread(conn)


def expect_lists(rule: Node) -> None:
    """Raises `RuleError` when the rule reads a list that is not there."""
    wanted = {leaf.list for leaf in leaves(rule) if isinstance(leaf, OnList)}
    lacking = wanted - set(StaticList.objects.filter(slug__in=wanted).values_list("slug", flat=True))
    if lacking:
        raise RuleError(Problem("", f"There is no list {', '.join(sorted(lacking))}. Make it first."))


def _add_version(
    segment: Segment, diff: list[dict[str, Any]], *, by: str, note: str, now: datetime, version: int | None = None
) -> None:
    number = segment.version if version is None else version
    SegmentVersion.objects.create(
        segment=segment, version=number, rule=segment.rule, diff=diff, by=by, note=note, at=now
    )
