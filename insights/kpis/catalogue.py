"""The KPIs there are, each with its formula in words. Pure.

Everything is a quotient of sums of days, so a period of any length is exact."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from insights.kpis.contracts import Kpi

# Surveys are told as events, with a whole number as `score`: 0 to 10 for NPS (Reichheld, "The One Number You Need to
# Grow", Harvard Business Review, December 2003), 1 to 5 for CSAT.
NPS_EVENT = "NPS Answered"
CSAT_EVENT = "CSAT Answered"
# What is done to somebody, not by him: it makes nobody active.
PASSIVE = (
    "Email Sent", "Email Delivered", "Email Bounced", "Email Deferred", "Email Failed", "Email Rejected",
    "Email Processed", "Email Dropped", "Experiment Viewed", "SMS Sent", "SMS Delivered", "SMS Failed", "Push Sent",
    "Push Delivered", "Push Failed", "Message Sent", "Message Delivered", "Message Failed",
)  # fmt: skip

_ALL = (
    Kpi(
        "revenue", "Revenue", "revenue", "", "money",
        "The net value of the orders of the period: cancellations and refunds are taken off the day of the order.",
        main=True,
    ),
    Kpi("orders", "Orders", "orders", "", "", "Orders of the period that were not cancelled or refunded in full.",
        main=True),
    Kpi("average_order", "Average order value", "revenue", "orders", "money", "Revenue divided by orders.", main=True),
    Kpi(
        "conversion_rate", "Conversion rate", "converted", "visitors", "share",
        "Of the days on which a person visited a website or an app, the share on which that person ordered, too."
        " Somebody who visits on three days and orders on one counts as one of three.", main=True,
    ),
    Kpi(
        "active_people", "Active people a day", "people", "day", "",
        "People of whom any event came on a day, on average over the days of the period. What is done to somebody (an"
        " e-mail that is sent or delivered) makes nobody active; nor do robots.", main=True,
    ),
    Kpi("active_week", "Active people a week", "people_7d", "day", "",
        "People who were active within the seven days up to a day, on average over the days of the period."),
    Kpi("active_month", "Active people a month", "people_30d", "day", "",
        "People who were active within the thirty days up to a day, on average over the days of the period."),
    Kpi("events", "Events", "events", "", "", "What active people did: all events but those done to them."),
    Kpi("events_per_person", "Events per active person", "events", "people", "",
        "Events divided by active people, each counted once a day."),
    Kpi(
        "visits", "Visits", "visits", "", "",
        "Runs of events of websites and apps with no pause above 30 minutes (unless another pause is set), counted"
        " on the day they begin.", main=True,
    ),
    Kpi(
        "visit_minutes", "Time of a visit", "visit_seconds", "visits", "minutes",
        "The time between the events of a visit, added up and divided by visits. A visit of one event lasts no time.",
        times=1 / 60,
    ),
    Kpi(
        "retention", "Retention, week to week", "people_kept", "people_before", "share",
        "Of the people who were active in the week before (8 to 14 days back), the share that was active again in the"
        " seven days up to a day; over a period, all of its days together.", main=True,
    ),
    Kpi("repeat_rate", "Repeat rate", "repeat_orders", "orders", "share",
        "Of the orders, the share by people who had ordered before.", main=True),
    Kpi(
        "nps", "Net Promoter Score", "nps_balance", "nps_answers", "points",
        f"Of the answers to {NPS_EVENT} (score from 0 to 10), the percentage of 9 and 10 less that of 0 to 6.",
        times=100.0,
    ),
    Kpi("csat", "Customer satisfaction", "csat_satisfied", "csat_answers", "share",
        f"Of the answers to {CSAT_EVENT} (score from 1 to 5), the share of 4 and 5."),
)  # fmt: skip
KPIS: dict[str, Kpi] = {one.key: one for one in _ALL}
# The sums of one day, in the order of the table's columns; revenue is kept in millionths.
SUMS = (
    "people", "people_7d", "people_30d", "people_before", "people_kept", "events", "visits", "visit_seconds",
    "visitors", "converted", "orders", "repeat_orders", "micros", "nps_answers", "nps_balance", "csat_answers",
    "csat_satisfied",
)  # fmt: skip


def with_revenue(sums: Mapping[str, Any]) -> dict[str, float]:
    """Sums as they are stored, with the revenue in whole money."""
    found = {name: float(value or 0) for name, value in sums.items() if name in SUMS}
    return {**found, "revenue": found.get("micros", 0.0) / 1e6}


def definition(kpi: Kpi) -> dict[str, Any]:
    """A KPI as the API tells it."""
    return asdict(kpi)
