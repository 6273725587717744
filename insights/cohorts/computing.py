"""Counting cohorts: one statement over orders as they were known at an instant."""

import zoneinfo
from datetime import date, datetime
from typing import Any

import psycopg

from common import pg
from insights.cohorts.contracts import PERIODS, Cohort, CohortCell
from insights.cohorts.triangle import triangle
from insights.contracts import OrderSetting
from insights.features.compile import compile_cohorts


def figures(*, orders: OrderSetting, as_of: datetime) -> dict[str, Any]:
    """The triangles of months and weeks, in the form that is kept."""
    today = as_of.astimezone(zoneinfo.ZoneInfo(orders.zone)).date()
    found: dict[str, Any] = {
        period: triangle(_counted(orders, as_of, period), period=period, today=today) for period in PERIODS
    }
    return {**found, "people": sum(row["people"] for row in found["month"])}


def _counted(orders: OrderSetting, as_of: datetime, period: str) -> dict[tuple[date, date], tuple[int, int]]:
    statement = compile_cohorts(orders=orders, as_of=as_of, period=period)
    with psycopg.Cursor(pg.raw()) as cursor:
        rows = cursor.execute(statement.text, statement.params).fetchall()
    return {(cohort, start): (people, int(micros)) for cohort, start, people, micros in rows}


def cohorts_of(told: dict[str, Any], period: str) -> list[Cohort]:
    """The stored rows of one period."""
    return [
        Cohort(
            date.fromisoformat(row["start"]), row["people"],
            [CohortCell(one["people"], one["people"] / max(row["people"], 1), one["monetary"]) for one in row["cells"]],
        )
        for row in told[period]
    ]  # fmt: skip
