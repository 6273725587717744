"""What follows when people are merged or parted outside the pipeline: memberships are corrected, syncs are told,
and kept features are computed anew."""

from collections.abc import Collection, Sequence
from typing import Any

import psycopg

import connectors.services as connectors
import insights.services as insights
import segments.services as segments
from common import clock
from identity.contracts import Move
from segments.contracts import Activity


def follow_moves(conn: psycopg.Connection[Any], moved: Sequence[Move], traits_changed: Collection[int]) -> None:
    """Let segments follow identifiers that moved and profiles whose traits changed, in the caller's transaction.

    Pass it as `after=` to identity's steward services, which have the turn.
    """
    sides = {profile for move in moved for profile in (move.from_profile, move.to_profile)}
    now = clock.now()
    segments.follow(
        conn,
        activity=Activity(),
        moved=list(moved),
        retired=_retired(conn, sides),
        touched_traits=set(traits_changed),
        memory=segments.Memory(),
        now=now,
    )
    connectors.note_changed(conn, profile_ids=sorted(sides.union(traits_changed)), now=now)
    # Features are made of events: who was put together or parted has others, who has another trait has not.
    insights.note_touched(conn, identifier_ids=[one for move in moved for one in move], now=now)


def _retired(conn: psycopg.Connection[Any], profiles: set[int]) -> list[int]:
    """Those of these profiles that no identifier belongs to any more."""
    if not profiles:
        return []
    rows = conn.execute(
        "select p.id from unnest(%s::bigint[]) as p (id)"
        " where not exists (select from identity_member m where m.profile_id = p.id)",
        [sorted(profiles)],
    )
    return [row[0] for row in rows]
