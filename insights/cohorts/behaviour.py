"""Cohorts of people who began with any event: counted over the log when somebody asks."""

import zoneinfo
from datetime import date, datetime
from typing import Any

import psycopg
from django.db import transaction

from common import pg
from insights.cohorts.computing import cohorts_of
from insights.cohorts.contracts import BadCohorts, CohortSpec, CohortsView
from insights.cohorts.triangle import triangle
from insights.contracts import NotPossible, OrderSetting
from insights.features.compile import compile_first_behaviour
from insights.features.reading import expect_one_currency
from insights.funnels.compile import fits
from insights.settings import setting

# Somebody waits for the answer.
_SECONDS = 25


def first_behaviour(spec: CohortSpec, *, period: str, now: datetime) -> CohortsView:
    """People by the week or month in which they first did an event, and who of them came back. Raises BadCohorts."""
    spec.check()
    orders = setting().orders
    try:
        currency = expect_one_currency(orders=orders, as_of=now)
    except NotPossible as mixed:
        if spec.back == "orders":
            raise BadCohorts(f"back: {mixed}") from None
        currency = ""
    sizes, counted = _counted(spec, orders, now, period)
    today = now.astimezone(zoneinfo.ZoneInfo(orders.zone)).date()
    rows = triangle(counted, period=period, today=today, sizes=sizes)
    return CohortsView(None, now, orders.zone, period, currency, cohorts_of({period: rows}, period))


def _counted(
    spec: CohortSpec, orders: OrderSetting, as_of: datetime, period: str
) -> tuple[dict[date, int], dict[tuple[date, date], tuple[int, int]]]:
    statement = compile_first_behaviour(
        orders=orders, as_of=as_of, period=period, begins=lambda binder: fits(spec.first, binder), back=spec.back
    )
    sizes: dict[date, int] = {}
    counted: dict[tuple[date, date], tuple[int, int]] = {}
    for cohort, start, people, micros in _fetch(statement.text, statement.params):
        if start is None:
            sizes[cohort] = people
        else:
            before = counted.get((cohort, start), (0, 0))
            counted[cohort, start] = (before[0] + people, before[1] + int(micros))
    return sizes, counted


def _fetch(text: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    try:
        with transaction.atomic(), psycopg.Cursor(pg.raw()) as cursor:
            cursor.execute(f"set local statement_timeout = '{_SECONDS}s'")
            found = cursor.execute(text, params).fetchall()
            cursor.execute("set local statement_timeout = default")
            return found
    except psycopg.errors.QueryCanceled:
        raise BadCohorts(
            f"event: this takes longer than {_SECONDS} seconds. Choose a rarer event, narrow it down by a property, or"
            " ask who of them ordered."
        ) from None
