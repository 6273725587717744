"""The counters that live rules read: made and filled from the log when first needed, dropped when nobody reads them."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from segments import sql
from segments.compile import event_filter, kept_of
from segments.measures import Horizon, MeasureKey, needs
from segments.rules import Node
from segments.services.memory import load_measures, load_rules
from segments.sqlvalues import Params
from segments.windows import minute_of

_NO_HOURS = 2**40


def ensure(conn: psycopg.Connection[Any], rule: Node, *, now: datetime) -> None:
    """Make the counters that the rule reads itself; the segments it refers to have theirs.

    One whose windows reach further back than before is counted anew. Those that were filled before are taken over.
    """
    filled = {measure.key: measure for measure in load_measures(conn) if measure.filling}
    for key, horizon, old in missing(conn, rule):
        if old is not None:
            # The old entries are too coarse. Their id is never given again, so compaction drops them.
            _delete(conn, [old])
        ready = filled.get(key)
        if ready is not None and ready.horizon.covers(horizon):
            with psycopg.Cursor(conn) as cursor:
                cursor.execute(sql.ADOPT_MEASURE, {"id": ready.id})
        else:
            count_past(conn, insert(conn, key, horizon), key, horizon, now=now, into=sql.BACKFILL)


def missing(conn: psycopg.Connection[Any], rule: Node) -> list[tuple[MeasureKey, Horizon, int | None]]:
    """What the rule reads and is not counted far enough back, with how far is needed, and the counter in its place."""
    stored = {measure.key: measure for measure in load_measures(conn) if not measure.filling}
    found: list[tuple[MeasureKey, Horizon, int | None]] = []
    for key, horizon in needs(rule).items():
        measure = stored.get(key)
        if measure is None:
            found.append((key, horizon, None))
        elif not measure.horizon.covers(horizon):
            found.append((key, horizon.joined(measure.horizon), measure.id))
    return found


def drop_unread(conn: psycopg.Connection[Any]) -> None:
    """Forget the counters that no live segment reads."""
    read = {key for rule in load_rules(conn).values() for key in needs(rule)}
    unread = [one.id for one in load_measures(conn) if one.key not in read and not one.filling]
    if unread:
        _delete(conn, unread)


def _delete(conn: psycopg.Connection[Any], ids: list[int]) -> None:
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(sql.DELETE_MEASURES, {"ids": ids})


def insert(conn: psycopg.Connection[Any], key: MeasureKey, horizon: Horizon, *, filling: bool = False) -> int:
    """A new counter; its id."""
    values = {
        "event": key.event,
        "where": json.dumps(key.where_json()),
        "sum_property": key.sum_property,
        "kind": key.kind,
        "filling": filling,
        "key": key.text(),
        "minutes": horizon.minutes,
        "hours": horizon.hours,
    }
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(sql.INSERT_MEASURE, values).fetchone()
    return int(row[0]) if row else 0


def count_past(
    conn: psycopg.Connection[Any],
    measure_id: int,
    key: MeasureKey,
    horizon: Horizon,
    *,
    now: datetime,
    into: str,
    ids: Sequence[int] | None = None,
) -> None:
    """Count a measure over the whole log, or what it has of some identifiers, by one statement: `into` the activity
    (BACKFILL) or aside (STAGE)."""
    params = Params()
    condition = event_filter(key.event, key.where, params, now=now)
    amount = kept_of(key, params)
    first, kept, bucket = sql.KEPT[key.kind]
    minute = minute_of(now)
    bounds: dict[str, Any] = {
        "measure": measure_id,
        "fresh_from": minute - horizon.minutes,
        "hours_from": (minute // 60 - horizon.hours) * 60 if horizon.hours else _NO_HOURS,
    }
    if ids is not None:
        condition = f"e.identifier_id = any(%(ids)s) and {condition}"
        bounds["ids"] = pg.int8s(ids)
    past = sql.PAST.format(condition=condition, amount=amount, minute=first, kept=kept, bucket=bucket)
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(into.format(past=past), {**params.values, **bounds})
