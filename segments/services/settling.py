"""One segment settled as a whole: what its rule says against the stored bits, by one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from segments import sql
from segments.models import Segment


def settle_segment(
    conn: psycopg.Connection[Any],
    segment: Segment,
    rule: str,
    params: dict[str, Any],
    *,
    reason: str,
    now: datetime,
    only: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Write what differs between `rule` (a statement that selects profile ids) and the stored members; how many entered
    and left. `only`: these profiles, which the rule selects from too. The caller has the turn."""
    byte = segment.pk // 8
    bound = {"byte": byte, "bit": segment.pk, "zeros": bytes(byte + 1), "reason": reason, "version": segment.version}
    narrowed = "" if only is None else " and profile_id = any(%(only)s)"
    if only is not None:
        bound["only"] = pg.int8s(list(only))
    with psycopg.Cursor(conn) as cursor:
        text = sql.SETTLE_SEGMENT.format(rule=rule, only=narrowed)
        row = cursor.execute(text, {**params, **bound, "now": now}).fetchone()
        entered, exited = (row[0], row[1]) if row else (0, 0)
        if entered or exited:
            sizes = {"segments": pg.int4s([segment.pk]), "entered": pg.int4s([entered]), "exited": pg.int4s([exited])}
            cursor.execute(sql.ADD_TO_SIZES, {**sizes, "now": now})
    return entered, exited
