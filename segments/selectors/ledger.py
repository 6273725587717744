"""The ledger and its fold. A version is a `seq`: the same version gives the same members to every reader."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg
from segments.contracts import MembershipChange, MembershipView
from segments.models import Change, Membership, Segment, Size

_MEMBERS = """
select profile_id from (
    select distinct on (profile_id) profile_id, entered from segments_change
    where segment_id = %(segment)s and profile_id > %(after)s and seq <= %(seq)s
    order by profile_id, seq desc
) last where entered order by profile_id limit %(limit)s
"""

_MEMBERS_AT = """
select profile_id from (
    select distinct on (profile_id) profile_id, entered from segments_change
    where segment_id = %(segment)s and at <= %(moment)s order by profile_id, seq desc
) last where entered order by profile_id
"""

_SIZE_AT = """
select count(*) filter (where entered) - count(*) filter (where not entered)
from segments_change where segment_id = %(segment)s and seq <= %(seq)s
"""

_LAST_ENTRIES = """
select distinct on (segment_id) segment_id, at, reason from segments_change
where segment_id = any(%(segments)s) and profile_id = %(profile)s order by segment_id, seq desc
"""


def head_seq() -> int:
    """The newest version; 0 while nothing was ever written.

    Read it before `changes`: when fewer rows than asked come back, this is how far the reader has come.
    """
    return Change.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def changes(segment_id: int | None, after_seq: int = 0, limit: int = 1000) -> list[MembershipChange]:
    """Entries and exits after a version in their order: of one segment, or of all."""
    rows = Change.objects.filter(seq__gt=after_seq)
    if segment_id is not None:
        rows = rows.filter(segment_id=segment_id)
    columns = ("seq", "segment_id", "profile_id", "entered", "at", "reason", "version")
    return [MembershipChange(*row) for row in rows.order_by("seq").values_list(*columns)[:limit]]


def members(
    segment_id: int, at_seq: int | None = None, after_profile: int | None = None, limit: int = 1000
) -> list[int]:
    """Profile ids of the members at a version (now when left out), ascending, after one: a keyset page."""
    seq = 2**63 - 1 if at_seq is None else at_seq
    params = {"segment": segment_id, "after": after_profile or 0, "seq": seq, "limit": limit}
    with psycopg.Cursor(pg.raw()) as cursor:
        return [row[0] for row in cursor.execute(_MEMBERS, params)]


def members_at(segment_id: int, moment: datetime) -> npt.NDArray[np.int64]:
    """Ids of all profiles that were members at a moment, ascending, as the profiles were called then."""
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(_MEMBERS_AT, {"segment": segment_id, "moment": moment}, binary=True).fetchall()
    return np.array([row[0] for row in rows], dtype=np.int64)


def size(segment_id: int, at_seq: int | None = None) -> int:
    """How many members a segment has, or had at a version."""
    if at_seq is None:
        return Size.objects.filter(pk=segment_id).values_list("members", flat=True).first() or 0
    with psycopg.Cursor(pg.raw()) as cursor:
        row = cursor.execute(_SIZE_AT, {"segment": segment_id, "seq": at_seq}).fetchone()
    return int(row[0]) if row else 0


def memberships(profile_id: int) -> list[MembershipView]:
    """The live segments that a profile is in, by name, since when and why."""
    bits = Membership.objects.filter(pk=profile_id).values_list("bits", flat=True).first()
    if not bits:
        return []
    ids = np.flatnonzero(np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little")).tolist()
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(_LAST_ENTRIES, {"segments": ids, "profile": profile_id}).fetchall()
    entered = {segment: (at, reason) for segment, at, reason in rows}
    found = Segment.objects.filter(pk__in=ids, archived_at=None).order_by("name", "pk")
    return [
        MembershipView(row.pk, row.slug, row.name, *entered.get(row.pk, (None, "")))
        for row in found.only("slug", "name")
    ]


def due_count(now: datetime) -> int:
    """How many profiles wait for the timer."""
    return Membership.objects.filter(due_at__lte=now).count()


def latest_changes(segment_id: int, before_seq: int | None = None, limit: int = 50) -> list[MembershipChange]:
    """Entries and exits of one segment, newest first, before a version: a keyset page."""
    rows = Change.objects.filter(segment_id=segment_id)
    if before_seq is not None:
        rows = rows.filter(seq__lt=before_seq)
    columns = ("seq", "segment_id", "profile_id", "entered", "at", "reason", "version")
    return [MembershipChange(*row) for row in rows.order_by("-seq").values_list(*columns)[:limit]]


def segments_ever(profile_ids: Sequence[int]) -> list[int]:
    """The segments that any of these profiles was ever in."""
    return sorted(set(Change.objects.filter(profile_id__in=profile_ids).values_list("segment_id", flat=True)))
