"""A crowd whose past says something of its future: some buy every two weeks, some every six, and some hardly ever."""

import random
from datetime import datetime, timedelta
from typing import Any

from insights import services
from tests.insights.sending import Sender

PEOPLE = 330
HISTORY_DAYS = 140
SPEC: dict[str, Any] = {
    "event": "Order Completed", "days": 30,
    "features": ["recency_days", "frequency", "monetary", "orders_30d", "orders_90d", "plan"], "groups": ["sex"],
    "kinds": ["logistic"],
}  # fmt: skip


def fill(sender: Sender, now: datetime, people: int = PEOPLE) -> None:
    """Send the crowd's past; it counts from when it happened."""
    chance, calls = random.Random(7), []
    for number in range(people):
        user, plan = f"u{number}", ("free", "pro", "team")[number % 3]
        begun = now - timedelta(days=HISTORY_DAYS - 1 - number % 20)
        told = {"plan": plan, "sex": ("f", "m")[number % 2]}
        calls.append({**sender.identify(user, **told), "timestamp": begun.isoformat()})
        every = (12, 40, 160)[chance.randrange(3)] * (0.8 if plan == "team" else 1.1)
        day = chance.uniform(1, every)
        while day < HISTORY_DAYS:
            at = begun + timedelta(days=day)
            if at < now:
                calls.append(
                    sender.order(user, at.isoformat(), 20 + chance.randrange(80), order_id=f"{number}-{day:.2f}")
                )
            day += chance.expovariate(1 / every) + 1
    for start in range(0, len(calls), 2000):
        sender.send(*calls[start : start + 2000])
    services.keep_setting({"history_sources": [sender.source]}, by="ann", now=now)
    for name in ("plan", "sex"):
        services.declare_feature(name=name, measure="trait", property=name, by="ann", now=now)
