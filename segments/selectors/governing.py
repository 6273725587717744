"""What keeps segments in order: differences between versions, overlaps, who refers to whom, what to look at."""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg
from django.db.models import F, Q

from common import pg
from segments.contracts import Difference, Finding, SegmentView
from segments.hierarchy import dependents, references
from segments.models import Segment, SizeHour
from segments.parsing import parse_rule
from segments.rules import Node
from segments.selectors.catalogue import segments
from segments.views import segment_view

SAME = 0.95
QUIET = timedelta(days=90)
MOVES_IN = timedelta(days=30)
REMIND_AGAIN = timedelta(days=7)
_PAGE = 50_000

# Who came and went on the whole: of several changes of one person the first and the last tell.
_DIFFERENCE = """
with moved as (
    select profile_id, (array_agg(entered order by seq))[1] as first, (array_agg(entered order by seq desc))[1] as last
    from segments_change where segment_id = %(segment)s and seq > %(from)s and seq <= %(to)s group by profile_id
), net as (select profile_id, last as entered from moved where first = last)
select count(*) filter (where entered), count(*) filter (where not entered),
       (select array_agg(profile_id) from (
           select profile_id from net where entered order by profile_id limit %(some)s) s),
       (select array_agg(profile_id) from (
           select profile_id from net where not entered order by profile_id limit %(some)s) s)
from net
"""

_BITS = """
select array_send(array_agg(octet_length(bits)::bigint)), string_agg(bits, ''), max(profile_id) from (
    select profile_id, bits from segments_membership where profile_id > %(after)s order by profile_id limit %(limit)s) m
"""


class Overlap(NamedTuple):
    """How many people two segments share; `share` is of all who are in either (Jaccard's index)."""

    a: int
    b: int
    people: int
    share: float


def difference(segment_id: int, *, from_seq: int, to_seq: int, some: int = 100) -> Difference:
    """Who came in and who went between two versions of the ledger; those who did both are not told."""
    params = {"segment": segment_id, "from": from_seq, "to": to_seq, "some": some}
    with psycopg.Cursor(pg.raw()) as cursor:
        row = cursor.execute(_DIFFERENCE, params).fetchone() or (0, 0, None, None)
    return Difference(from_seq, to_seq, row[0], row[1], tuple(row[2] or ()), tuple(row[3] or ()))


def overlaps() -> list[Overlap]:
    """All pairs of live segments that share somebody, the most alike first."""
    ids = [one.id for one in segments()]
    together = np.zeros((len(ids), len(ids)), dtype=np.int64)
    for bits in memberships_in_pages(max(ids, default=0), pg.raw()):
        chosen = bits[:, ids].astype(np.float32)
        together += np.rint(chosen.T @ chosen).astype(np.int64)
    found = []
    for a in range(len(ids)):
        for b in range(a + 1, len(ids)):
            either = together[a, a] + together[b, b] - together[a, b]
            if together[a, b]:
                found.append(Overlap(ids[a], ids[b], int(together[a, b]), float(together[a, b] / either)))
    return sorted(found, key=lambda one: (-one.share, one.a, one.b))


def memberships_in_pages(highest: int, conn: psycopg.Connection[Any]) -> Iterator[npt.NDArray[np.bool_]]:
    """The memberships of all profiles, page by page, a column for each segment id up to `highest` at least."""
    after, width = 0, highest // 8 + 1
    while True:
        with psycopg.Cursor(conn) as cursor:
            row = cursor.execute(_BITS, {"after": after, "limit": _PAGE}, binary=True).fetchone()
        if row is None or row[2] is None:
            return
        widths = pg.int8_array(row[0])
        packed = np.zeros((len(widths), max(width, int(widths.max()))), dtype=np.uint8)
        # Row by row the bytes that are there, in order.
        packed[np.arange(packed.shape[1]) < widths[:, None]] = np.frombuffer(row[1], dtype=np.uint8)
        yield np.unpackbits(packed, axis=1, bitorder="little").astype(np.bool_)
        after = int(row[2])


def volatility(segment_id: int, *, now: datetime) -> float | None:
    """How many entered or left in the last 30 days, for each member; None for a segment that is empty."""
    rows = SizeHour.objects.filter(segment_id=segment_id, hour__gte=now - MOVES_IN).order_by("hour")
    points = list(rows.values_list("members", "entered", "exited"))
    members = points[-1][0] if points else 0
    return sum(point[1] + point[2] for point in points) / members if members else None


def used_by(slug: str) -> list[str]:
    """The slugs of the live segments that refer to this one, directly or not."""
    return dependents(slug, _rules())


def _rules() -> dict[str, Node]:
    return {row.slug: parse_rule(row.rule) for row in Segment.objects.filter(archived_at=None).only("slug", "rule")}


def findings(*, now: datetime, used: Collection[int] = ()) -> list[Finding]:
    """What the owners of all live segments should look at. `used`: segments that a sync or a channel reads.

    Reads all memberships, to find those that hold the same people.
    """
    live = segments()
    referred = _referred()
    by_id = {one.id: one for one in live}
    found = [finding for one in live for finding in _of_one(one, now, one.slug in referred or one.id in used)]
    for pair in overlaps():
        if pair.share < SAME:
            break
        text = f"{pair.share:.0%} of its people are those of {by_id[pair.b].name}: perhaps one of the two is enough."
        found.append(Finding(pair.a, "same_people", text))
    return found


def findings_of(one: SegmentView, *, now: datetime, used: bool) -> list[Finding]:
    """What the owner of one segment should look at, without comparing it with the others."""
    return list(_of_one(one, now, used or one.slug in _referred()))


def _referred() -> set[str]:
    return {slug for rule in _rules().values() for slug in references(rule)}


def _of_one(one: SegmentView, now: datetime, used: bool) -> Iterator[Finding]:
    if one.review_on is not None and one.review_on <= now.date():
        yield Finding(one.id, "review_due", f"Its review was due on {one.review_on}.")
    if not one.owner:
        yield Finding(one.id, "no_owner", "Nobody answers for it.")
    if not one.size:
        yield Finding(one.id, "empty", "Nobody is in it.")
    if not used:
        yield Finding(one.id, "unused", "No sync, no channel and no other segment uses it.")
    if one.created_at < now - QUIET and not _moved_since(one.id, now - QUIET):
        yield Finding(one.id, "quiet", "Nobody entered or left for 90 days.")


def _moved_since(segment_id: int, moment: datetime) -> bool:
    return SizeHour.objects.filter(segment_id=segment_id, hour__gte=moment).exists()


def reviews_due(today: date) -> int:
    """How many live segments wait for their review."""
    return Segment.objects.filter(archived_at=None, review_on__lte=today).count()


def reviews_to_remind(today: date) -> list[SegmentView]:
    """Live segments whose review is due and whose owner was not reminded of it, or last a week ago."""
    due = Segment.objects.filter(archived_at=None, review_on__lte=today).exclude(owner="")
    fresh = Q(reminded_on=None) | Q(reminded_on__lt=F("review_on")) | Q(reminded_on__lte=today - REMIND_AGAIN)
    return [segment_view(row) for row in due.filter(fresh).order_by("owner", "name")]
