"""One segment settled as a whole: what its rule says against the stored bits, by one statement."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from segments import sql
from segments.compile import compile_rule, time_marks
from segments.models import Segment
from segments.rules import Node


def settle_rule(
    conn: psycopg.Connection[Any],
    segment: Segment,
    rule: Node,
    *,
    reason: str,
    now: datetime,
    only: Sequence[int] | None = None,
) -> int:
    """Settle a segment by its rule, which refers to no other any more; how many entered or left.

    Whoever time may change is marked for the timer, which dates them: a row that was written here has no date yet.
    """
    narrowed = "" if only is None else "p.profile_id = any(%(only)s)"
    statement = compile_rule(rule, now=now, profiles=narrowed)
    entered, exited = settle_segment(conn, segment, statement.text, statement.params, reason=reason, now=now, only=only)
    marks = time_marks(rule, now=now) if entered or exited or reason == "publish" else None
    if marks is not None:
        with psycopg.Cursor(conn) as cursor:
            cursor.execute(sql.MARK_DUE.format(marks=marks.text), {**marks.params, "now": now})
    return entered + exited


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
