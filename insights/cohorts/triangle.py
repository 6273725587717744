"""The triangle: which periods are closed, and how many of each cohort ordered in them. Pure.

A period is closed when its last day has ended by the clocks of the workspace; one that is still open would show less
than there will be. Cohorts of a period that is open itself are left out for the same reason.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

_KEPT = {"month": 24, "week": 26}


def following(start: date, period: str) -> date:
    """The first day of the next period."""
    if period == "week":
        return start + timedelta(days=7)
    return date(start.year + start.month // 12, start.month % 12 + 1, 1)


def closed_since(start: date, *, period: str, today: date) -> list[date]:
    """The first days of the periods from `start` on that have ended before `today` begins."""
    found = []
    while (after := following(start, period)) <= today:
        found.append(start)
        start = after
    return found


def triangle(
    counted: Mapping[tuple[date, date], tuple[int, int]], *, period: str, today: date,
    sizes: Mapping[date, int] | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """From (cohort, period) -> (people, millionths): a row for each cohort, the latest ones, in the form that is kept.

    A period in which nobody of a cohort came has a zero. `sizes`: how many people each cohort has; else who is counted
    in its first period."""
    rows = []
    for start in sorted(sizes if sizes is not None else {cohort for cohort, _ in counted}):
        cells = [counted.get((start, one), (0, 0)) for one in closed_since(start, period=period, today=today)]
        if cells:
            size = cells[0][0] if sizes is None else sizes[start]
            told = [{"people": people, "monetary": micros / 1e6} for people, micros in cells]
            rows.append({"start": start.isoformat(), "people": size, "cells": told})
    return rows[-_KEPT[period] :]
