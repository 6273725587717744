"""Segments as such: one, all, their versions and how they grew."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from common import pg
from segments.contracts import SegmentView, SizePoint, VersionView
from segments.models import Segment, SegmentVersion, Size, SizeHour
from segments.views import segment_view, version_view

_SLUGS = """
select m.profile_id, s.slug from segments_membership m
join segments_segment s on octet_length(m.bits) > s.id / 8 and get_bit(m.bits, s.id) = 1
where m.profile_id = any(%(ids)s) and s.archived_at is null order by m.profile_id, s.slug
"""


def segments(*, archived: bool = False) -> list[SegmentView]:
    """All live segments by name; with `archived` the ended ones too."""
    rows = Segment.objects.order_by("name", "pk")
    sizes = dict(Size.objects.values_list("segment_id", "members"))
    return [segment_view(row, sizes.get(row.pk, 0)) for row in (rows if archived else rows.filter(archived_at=None))]


def segment(reference: int | str) -> SegmentView | None:
    """One segment by id or slug, also an archived one."""
    row = Segment.objects.filter(**({"pk": reference} if isinstance(reference, int) else {"slug": reference})).first()
    return None if row is None else segment_view(row)


def versions(segment_id: int) -> list[VersionView]:
    """Every version of a segment's rule, newest first, each with what it changed."""
    return [version_view(row) for row in SegmentVersion.objects.filter(segment_id=segment_id).order_by("-version")]


def size_history(segment_id: int, *, since: datetime) -> list[SizePoint]:
    """The size at the end of every hour in which anything changed."""
    rows = SizeHour.objects.filter(segment_id=segment_id, hour__gte=since).order_by("hour")
    return [SizePoint(*row) for row in rows.values_list("hour", "members", "entered", "exited")]


def slugs_of(profile_ids: Sequence[int]) -> dict[int, list[str]]:
    """The slugs of the live segments that each of these profiles is in; profiles in none are left out."""
    found: dict[int, list[str]] = {}
    with psycopg.Cursor(pg.raw()) as cursor:
        for profile, slug in cursor.execute(_SLUGS, {"ids": list(profile_ids)}):
            found.setdefault(profile, []).append(slug)
    return found
