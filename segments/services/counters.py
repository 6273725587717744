"""The counters that live rules read: made and filled from the log when first needed, dropped when nobody reads them."""

import json
from datetime import datetime
from typing import Any

import psycopg

from segments import sql
from segments.compile import amount_of, event_filter
from segments.measures import Horizon, MeasureKey, needs
from segments.parsing import parse_rule
from segments.rules import Node
from segments.services.memory import as_json, load_measures
from segments.sqlvalues import Params
from segments.windows import minute_of

_NO_HOURS = 2**40


def ensure(conn: psycopg.Connection[Any], rule: Node, *, now: datetime) -> None:
    """Make the counters that the rule reads. One whose windows reach further back than before is counted anew."""
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
    with psycopg.Cursor(conn) as cursor:
        rules = [parse_rule(as_json(rule)) for _, _, rule in cursor.execute(sql.LIVE_SEGMENTS).fetchall()]
    read = {key for rule in rules for key in needs(rule)}
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
    amount = amount_of(key.sum_property, params)
    minute = minute_of(now)
    bounds = {
        "measure": measure_id,
        "fresh_from": minute - horizon.minutes,
        "hours_from": (minute // 60 - horizon.hours) * 60 if horizon.hours else _NO_HOURS,
    }
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(sql.BACKFILL.format(condition=condition, amount=amount), {**params.values, **bounds})
