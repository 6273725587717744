"""Keeping the figures of days: what changed is counted anew, and once a day all of it.

One worker at a time. The mark moves when everything up to it is counted, so a worker that is killed leaves the rest to
the next, which counts the same days to the same end.
"""

from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from django.db import transaction

from common import pg
from connectors import selectors as connectors
from events import selectors as events
from insights.contracts import NotPossible, OrderSetting
from insights.features.compile import Statement
from insights.features.reading import expect_one_currency
from insights.kpis.catalogue import SUMS
from insights.kpis.compile import between, compile_buyers, compile_days, compile_stale, day_of, runs_of_days
from insights.kpis.models import KpiDay, KpiState
from insights.settings import setting
from segments import selectors as segments

KEPT_DAYS = 400
# "kpis" in ASCII.
_LOCK = 0x6B706973
_AT_ONCE = 31
_USUAL_GAP = timedelta(minutes=30)
_WHOLE_EVERY = timedelta(days=1)
# A request has a time of receipt before it is stored, and waits for the database that long at most.
_IN_FLIGHT = timedelta(minutes=1)


def refresh_kpis(*, now: datetime, whole: bool = False, gap: timedelta = _USUAL_GAP) -> int:
    """Count the days that may have changed since the last time; answers how many. All of the last 400 are counted once
    a day, when it is asked for, and when the meaning of an order or the time zone has changed."""
    with closing(pg.connect(autocommit=True)) as aside:
        if not pg.try_lock(aside, _LOCK, 0):
            return 0
        return _refresh(now, whole, gap)


def _refresh(now: datetime, whole: bool, gap: timedelta) -> int:
    orders = setting().orders
    state = KpiState.objects.filter(pk=1).first()
    mark = min(events.backlog().oldest_at or now, now) - _IN_FLIGHT
    today = day_of(now, orders.zone)
    kept_from = today - timedelta(days=KEPT_DAYS - 1)
    whole = (
        whole or state is None or state.counted_with != orders.to_json() or now - state.whole_at >= _WHOLE_EVERY
    )  # fmt: skip
    if whole or state is None:
        days = set(between(kept_from, today))
        KpiDay.objects.filter(day__lt=kept_from).delete()
    else:
        rows = _fetch(compile_stale(since=state.seen_until, orders=orders, gap=gap))
        days = {row[0] for row in rows} | set(between(day_of(state.counted_at, orders.zone), today))
        days = {day for day in days if kept_from <= day <= today}
    for first, last in runs_of_days(days, most=_AT_ONCE):
        _count(first, last, orders, now, gap)
    told = {"counted_with": orders.to_json(), "seen_until": mark, "counted_at": now}
    if whole or state is None:
        told["currency"] = _currency(orders, now)
    KpiState.objects.update_or_create(
        pk=1, defaults={**told, "whole_at": now if whole or state is None else state.whole_at}
    )
    return len(days)


def _currency(orders: OrderSetting, now: datetime) -> str:
    try:
        return expect_one_currency(orders=orders, as_of=now)[:40]
    except NotPossible:
        return "in several currencies"


@transaction.atomic
def _count(first: date, last: date, orders: OrderSetting, now: datetime, gap: timedelta) -> None:
    buyers = [row[0] for row in _fetch(compile_buyers(first=first, last=last, orders=orders))]
    statement = compile_days(
        first=first, last=last, orders=orders, now=now, visited=connectors.visited_sources(), buyers=buyers,
        segments=[one.id for one in segments.segments()], gap=gap,
    )  # fmt: skip
    KpiDay.objects.filter(day__range=(first, last)).delete()
    columns = ", ".join(SUMS)
    with psycopg.Cursor(pg.raw()) as cursor:
        cursor.execute(
            f"insert into insights_kpiday (day, by, key, {columns}) {statement.text}", statement.params
        )  # fmt: skip


def _fetch(statement: Statement) -> list[tuple[Any, ...]]:
    with psycopg.Cursor(pg.raw()) as cursor:
        return cursor.execute(statement.text, statement.params).fetchall()
