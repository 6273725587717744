"""The same number in five ways, for every live segment at one version: what readers of each kind would see."""

from contextlib import closing

import numpy as np
import psycopg

from common import pg
from segments.contracts import SegmentCounts
from segments.selectors.governing import memberships_in_pages

# The fold: of all that happened to a person in a segment the last word counts.
_FOLD = """
select segment_id, count(*) from (
    select distinct on (segment_id, profile_id) segment_id, entered from segments_change
    where seq <= %(seq)s order by segment_id, profile_id, seq desc) last
where entered group by segment_id
"""
# Entries less exits: right as long as they take turns.
_BALANCE = """
select segment_id, count(*) filter (where entered) - count(*) filter (where not entered)
from segments_change where seq <= %(seq)s group by segment_id
"""
_MEMBERS = """
select count(*) from (
    select distinct on (profile_id) entered from segments_change
    where segment_id = %(segment)s and seq <= %(seq)s order by profile_id, seq desc) last
where entered
"""


def segment_counts() -> tuple[int, list[SegmentCounts]]:
    """A version of the ledger, and how many members each live segment has at it, counted by each kind of reader.

    All of it is read in one snapshot, so nothing that happens meanwhile makes a difference.
    """
    with closing(pg.connect()) as snapshot:
        snapshot.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        snapshot.read_only = True
        with psycopg.Cursor(snapshot) as cursor:
            (head,) = cursor.execute("select coalesce(max(seq), 0) from segments_change").fetchone() or (0,)
            live = cursor.execute(
                "select s.id, s.slug, coalesce(z.members, 0) from segments_segment s"
                " left join segments_size z on z.segment_id = s.id where s.archived_at is null order by s.slug"
            ).fetchall()
            fold = dict(cursor.execute(_FOLD, {"seq": head}).fetchall())
            balance = dict(cursor.execute(_BALANCE, {"seq": head}).fetchall())
            bits = _bits(snapshot, max((row[0] for row in live), default=0))
            found = []
            for segment, slug, stored in live:
                (listed,) = cursor.execute(_MEMBERS, {"segment": segment, "seq": head}).fetchone() or (0,)
                found.append(
                    SegmentCounts(
                        segment, slug, ui=stored, api=balance.get(segment, 0), export=listed,
                        fold=fold.get(segment, 0), bits=int(bits[segment]),
                    )
                )  # fmt: skip
    return int(head), found


def _bits(conn: psycopg.Connection[tuple[object, ...]], highest: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    total = np.zeros((highest // 8 + 1) * 8, dtype=np.int64)
    for page in memberships_in_pages(highest, conn):
        total += page[:, : len(total)].sum(axis=0)
    return total
