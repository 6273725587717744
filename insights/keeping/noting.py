"""Noting who is to be computed anew, in the transaction that changed what is known of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import clock, pg

# Identifiers in a row, so that whoever takes rows takes bounded pieces.
_IN_A_ROW = 5_000
# An event of a time to come is seen when that time has come; what lies farther ahead, by the next time of everybody.
_AHEAD_US = 86_400_000_000
_NOTE = f"""
insert into insights_touched (noted_at, ripe_at, ids, size)
select %(now)s, ripe, array_agg(id), count(*) from (
    select u.id, u.ripe, (row_number() over (partition by u.ripe order by u.id) - 1) / {_IN_A_ROW} as part
    from unnest(%(ids)s, %(ripe)s) as u (id, ripe)
    where exists (select from insights_keptfeature where not leaving)
) pieces group by ripe, part order by ripe, part
"""
_MINUTE_US = 60_000_000


def note_touched(
    conn: psycopg.Connection[Any],
    *,
    identifier_ids: Sequence[int] | npt.NDArray[np.int64],
    now: datetime,
    at_us: Sequence[int] | npt.NDArray[np.int64] = (),
) -> None:
    """Of these identifiers something came (at `at_us`, the later of when it happened and came), was taken back, or they
    moved to other people. Nothing is written while no feature is kept. The caller owns the transaction and the turn.
    """
    if not len(identifier_ids):
        return
    ids, now_us = np.asarray(identifier_ids, dtype=np.int64), clock.micros(now)
    soon = np.unique(ids)
    ripe = np.full(len(soon), now_us, dtype=np.int64)
    at = np.asarray(at_us, dtype=np.int64)
    ahead = np.flatnonzero((at >= now_us) & (at < now_us + _AHEAD_US))
    if len(ahead):
        # By the minute, so that one batch makes few rows.
        later = np.unique(np.stack([ids[ahead], (at[ahead] // _MINUTE_US + 1) * _MINUTE_US], axis=1), axis=0)
        soon, ripe = np.concatenate([soon, later[:, 0]]), np.concatenate([ripe, later[:, 1]])
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(_NOTE, {"now": now, "ids": pg.int8s(soon), "ripe": pg.timestamps(ripe)})
