"""Customers whose channel says what becomes of them, which how often and when they ordered does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

from common import clock
from insights import services
from tests.insights.sending import Sender

PEOPLE, HORIZON = 400, 60


def as_of() -> datetime:
    """Yesterday at noon: all days are counted from there."""
    return (clock.now() - timedelta(days=1)).astimezone(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


def orders_of(n: int) -> list[tuple[int, float]]:
    """Days before, and values: everybody orders twice within ten days, and then half of them every twenty days, and the
    others never again. They begin on all the days of a year."""
    begin = 5 + n * 355 // PEOPLE
    days = (begin, *range(begin - 10, 0, -20)) if n % 2 else (begin, begin - 10)
    return [(day, 60.0 + (37 * n + 13 * day) % 80) for day in days if day > 0]


def fill(sender: Sender) -> Sender:
    """Send all of it: loaded history, and a feature of the channel that people declared."""
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=clock.now())
    services.keep_lifetime_setting(horizon_days=HORIZON, by="ann", now=clock.now())
    services.declare_feature(
        name="channel", measure="trait", property="channel", title="Channel", by="ann", now=clock.now()
    )
    calls = []
    for n in range(PEOPLE):
        orders = orders_of(n)
        first = (as_of() - timedelta(days=orders[0][0], hours=1)).isoformat()
        calls.append({**sender.identify(f"u{n}", channel="friends" if n % 2 else "coupons"), "timestamp": first})
        calls += [order(sender, n, day, value) for day, value in orders]
    sender.send(*calls)
    return sender


def order(sender: Sender, n: int, day: float, value: float, **more: Any) -> dict[str, Any]:
    """An order so many days before."""
    at = (as_of() - timedelta(days=day)).isoformat()
    return sender.order(f"u{n}", at, value, **{"order_id": f"{n}-{day}", **more})
