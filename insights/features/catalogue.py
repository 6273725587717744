"""The features that come with the product. Days are those of the workspace's zone; money is net of refunds.

`{since}` (the begin of the feature's window) and `{before}` (the begin of the window before it) stand for bound values,
other words in braces for what engines say differently (`dialect`): `{day x}` is the day of an instant, `{ago x}` how
many days that day lies back.
"""

from collections.abc import Iterator

from insights.features.behaviour import BEHAVIOUR
from insights.features.contracts import Feature

_FIRST, _LAST = "min(moment) filter (where counts)", "max(moment) filter (where counts)"
_SPAN = f"{{real {{seconds {_LAST} - {_FIRST}}}}} / 86400"
_WINDOWS = (30, 90, 365)


def _orders() -> Iterator[Feature]:
    yield Feature(
        "recency_days", "Recency", "Days since the last order.", "orders", f"{{ago {_LAST}}}",
        unit="days", skewed=True, high="bought long ago", low="bought recently",
    )  # fmt: skip
    yield Feature(
        "frequency", "Frequency", "Orders that were not cancelled or refunded in full.", "orders",
        "count(*) filter (where counts)", unit="orders", empty=0, skewed=True, high="buys often", low="buys rarely",
    )  # fmt: skip
    yield Feature(
        "monetary", "Monetary value", "What the orders are worth, net of cancellations and refunds.", "orders",
        "{real coalesce(sum(micros), 0)} / 1e6", unit="money", empty=0, skewed=True, high="spends much",
        low="spends little",
    )  # fmt: skip
    yield Feature(
        "average_order", "Average order", "Net value of an order, on average.", "orders",
        "{real sum(micros) filter (where counts)} / 1e6 / nullif(count(*) filter (where counts), 0)", unit="money",
        skewed=True, high="large baskets", low="small baskets",
    )  # fmt: skip
    yield Feature(
        "tenure_days", "Tenure", "Days since the first order.", "orders", f"{{ago {_FIRST}}}", unit="days",
        high="an old customer", low="a new customer", ages=True,
    )  # fmt: skip
    yield Feature(
        "days_between_orders", "Time between orders", "Days from one order to the next, on average; of two orders up.",
        "orders", f"{_SPAN} / nullif(count(*) filter (where counts) - 1, 0)", unit="days", skewed=True,
        high="long between orders", low="orders in quick succession",
    )  # fmt: skip
    for days in _WINDOWS:
        yield Feature(
            f"orders_{days}d", f"Orders, {days} days", f"Orders in the last {days} days.", "orders",
            "count(*) filter (where counts and moment >= {since})", unit="orders", window_days=days, empty=0,
            skewed=True,
        )  # fmt: skip
        yield Feature(
            f"revenue_{days}d", f"Revenue, {days} days", f"Net value of the orders of the last {days} days.", "orders",
            "{real coalesce(sum(micros) filter (where moment >= {since}), 0)} / 1e6", unit="money", window_days=days,
            empty=0, skewed=True,
        )  # fmt: skip
    now, past = (
        "sum(micros) filter (where moment >= {since})",
        "sum(micros) filter (where moment >= {before} and moment < {since})",
    )
    now, past = f"greatest(coalesce({now}, 0), 0)", f"greatest(coalesce({past}, 0), 0)"
    yield Feature(
        "revenue_trend", "Trend of revenue",
        "The last 90 days against the 90 before: 1 is all new, 0 the same, -1 nothing any more.", "orders",
        f"{{real {now} - {past}}} / {{real nullif({now} + {past}, 0)}}", window_days=90, high="buys more than before",
        low="buys less than before", of_money=True,
    )  # fmt: skip


def _items() -> Iterator[Feature]:
    yield Feature(
        "products", "Products", "Different products bought.", "items", "count(distinct product)", unit="products",
        empty=0, skewed=True, high="a wide choice", low="a narrow choice",
    )  # fmt: skip
    yield Feature(
        "categories", "Categories", "Different categories bought from.", "categories", "count(*)", unit="categories",
        empty=0, skewed=True, high="many categories", low="few categories",
    )  # fmt: skip
    yield Feature(
        "category_diversity", "Diversity of categories",
        "Shannon's entropy of the categories, in bits: 0 is one category only, 2 as much as four in equal parts.",
        "categories", "{real greatest(-sum(share * ln(share)) / ln(2), 0)}", unit="bits",
    )  # fmt: skip


def _activity() -> Iterator[Feature]:
    yield Feature(
        "events_30d", "Events, 30 days", "Everything that came of the person in the last 30 days.", "recent",
        "count(*) filter (where moment >= {since})", unit="events", window_days=30, empty=0,
        skewed=True, high="very active", low="hardly active",
    )  # fmt: skip
    yield Feature(
        "active_days_30d", "Active days, 30 days", "Days of the last 30 on which anything came.", "recent",
        "count(distinct {day moment}) filter (where moment >= {since})", unit="days", window_days=30, empty=0,
    )  # fmt: skip


BUILT_IN: dict[str, Feature] = {one.name: one for one in (*_orders(), *_items(), *_activity(), *BEHAVIOUR)}
