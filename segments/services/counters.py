"""The counters that live rules read: made and filled from the log when first needed, dropped when nobody reads them."""

import json
from datetime import datetime
from typing import Any

import psycopg

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

    One whose windows reach further back than before is counted anew.
    """
    stored = {measure.key: measure for measure in load_measures(conn)}
    for key, horizon in needs(rule).items():
        measure = stored.get(key)
        if measure is not None and measure.horizon.covers(horizon):
            continue
        if measure is not None:
            # The old entries are too coarse. Their id is never given again, so compaction drops them.
            horizon = horizon.joined(measure.horizon)
            _delete(conn, [measure.id])
        _backfill(conn, _insert(conn, key, horizon), key, horizon, now)


def drop_unread(conn: psycopg.Connection[Any]) -> None:
    """Forget the counters that no live segment reads."""
    read = {key for rule in load_rules(conn).values() for key in needs(rule)}
    unread = [measure.id for measure in load_measures(conn) if measure.key not in read]
    if unread:
        _delete(conn, unread)


def _delete(conn: psycopg.Connection[Any], ids: list[int]) -> None:
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(sql.DELETE_MEASURES, {"ids": ids})


def _insert(conn: psycopg.Connection[Any], key: MeasureKey, horizon: Horizon) -> int:
    values = {
        "event": key.event,
        "where": json.dumps(key.where_json()),
        "sum_property": key.sum_property,
        "kind": key.kind,
        "key": key.text(),
        "minutes": horizon.minutes,
        "hours": horizon.hours,
    }
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(sql.INSERT_MEASURE, values).fetchone()
    return int(row[0]) if row else 0


def _backfill(conn: psycopg.Connection[Any], measure_id: int, key: MeasureKey, horizon: Horizon, now: datetime) -> None:
    params = Params()
    condition = event_filter(key.event, key.where, params, now=now)
    amount = kept_of(key, params)
    first, kept, bucket = sql.KEPT[key.kind]
    minute = minute_of(now)
    bounds = {
        "measure": measure_id,
        "fresh_from": minute - horizon.minutes,
        "hours_from": (minute // 60 - horizon.hours) * 60 if horizon.hours else _NO_HOURS,
    }
    with psycopg.Cursor(conn) as cursor:
        text = sql.BACKFILL.format(condition=condition, amount=amount, minute=first, kept=kept, bucket=bucket)
        cursor.execute(text, {**params.values, **bounds})
