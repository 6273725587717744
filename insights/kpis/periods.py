"""Which days a period is, and which it is held against. Pure."""

from datetime import date, timedelta

from insights.kpis.contracts import BadKpi, Period

COMPARISONS = {"before": "the period before", "year": "the same days a year before", "none": "nothing"}
LENGTHS = (7, 28, 90, 365)
_MOST = 400


def period_of(*, first: date | None, last: date | None, days: int | None, today: date) -> Period:
    """From `first` to `last`; or that many days up to `last`, which is yesterday (the last day that has ended) when it
    is left out. Raises BadKpi."""
    end = last or today - timedelta(days=1)
    start = first or end - timedelta(days=(days or 28) - 1)
    if start > end:
        raise BadKpi("from: the first day comes before the last.")
    if (end - start).days >= _MOST:
        raise BadKpi(f"from: at most {_MOST} days.")
    if end > today:
        raise BadKpi("to: choose a day that has begun.")
    return Period(start, end)


def compared_with(period: Period, how: str) -> Period | None:
    """The period that another is held against. A year before are 52 weeks, so that weekdays match. Raises BadKpi."""
    match how:
        case "before":
            return Period(period.first - timedelta(days=period.days), period.first - timedelta(days=1))
        case "year":
            return Period(period.first - timedelta(weeks=52), period.last - timedelta(weeks=52))
        case "none":
            return None
        case _:
            raise BadKpi(f"compare: choose one of {', '.join(COMPARISONS)}.")
