"""Erasing people: they leave their segments by the ledger, and what was counted of them goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import psycopg

from common import pg
from segments.services.following import ERASURE, evaluate
from segments.services.memory import Memory
from segments.services.writing import Touched

_TABLES = {
    "segments_activity": "identifier_id = any(%(ids)s)",
    "segments_staged": "identifier_id = any(%(ids)s)",
    "segments_listentry": "identifier_id = any(%(ids)s)",
    "segments_membership": "profile_id = any(%(profiles)s)",
}


def erase(
    conn: psycopg.Connection[Any], *, identifier_ids: Sequence[int], profile_ids: Sequence[int], now: datetime
) -> dict[str, int]:
    """Rows deleted by table. The ledger keeps that a number was a member, so that sizes stay what they were; of whom,
    nothing is left. The caller has the turn, and the profiles still stand.
    """
    profiles = np.unique(np.asarray(profile_ids, dtype=np.int64))
    plan = Memory().plan(conn)
    if len(profiles) and plan.segments:
        reasons = np.full(len(profiles), ERASURE, dtype=np.int64)
        gone = Touched(profiles, reasons, np.ones(len(profiles), dtype=np.bool_))
        evaluate(conn, plan, gone, plan.everything, {}, now)
    given = {"ids": pg.int8s(identifier_ids), "profiles": pg.int8s(profiles)}
    with psycopg.Cursor(conn) as cursor:
        return {
            table: cursor.execute(f"delete from {table} where {which}", given).rowcount
            for table, which in _TABLES.items()
        }
