"""The segments that the demo starts with: those a grocer's marketing team would make in its first week. Pure data.

Amounts are small because the receipts are a sample: one line in nineteen of what the households really bought.
"""

from typing import Any, NamedTuple

Rule = dict[str, Any]


class DemoSegment(NamedTuple):
    """A segment to create."""

    slug: str
    name: str
    description: str
    rule: Rule


def _bought(*, at_least: int = 1, days: int | None = None, where: list[Rule] | None = None) -> Rule:
    return _did("Order Completed", at_least=at_least, days=days, where=where)


def _did(event: str, *, at_least: int = 1, days: int | None = None, where: list[Rule] | None = None) -> Rule:
    rule: Rule = {"event": event, "count": {"is": "gte", "value": at_least}}
    if days is not None:
        rule["within"] = {"days": days}
    if where:
        rule["where"] = where
    return rule


def _through(channel: str) -> list[Rule]:
    return [{"property": "channel", "is": "eq", "value": channel}]


SEGMENTS: tuple[DemoSegment, ...] = (
    DemoSegment(
        "big-spenders",
        "Big spenders",
        "Spent 30 or more in the last 30 days, through any channel.",
        {"event": "Order Completed", "sum": {"property": "revenue", "is": "gte", "value": 30}, "within": {"days": 30}},
    ),
    DemoSegment(
        "regulars",
        "Regulars",
        "Bought at least three times in the last 30 days.",
        _bought(at_least=3, days=30),
    ),
    DemoSegment(
        "lapsed",
        "Lapsed customers",
        "Bought before, but not in the last 60 days.",
        {"all": [_bought(), {"not": _bought(days=60)}]},
    ),
    DemoSegment(
        "cart-abandoners",
        "Cart abandoners",
        "Left a cart in the last two weeks and bought nothing for a day after it.",
        {
            "all": [
                _did("Cart Updated", days=14),
                {"absent": "Order Completed", "after": "Cart Updated", "for": {"hours": 24}},
            ]
        },
    ),
    DemoSegment(
        "window-shoppers",
        "Window shoppers",
        "Looked at products in the last week without buying anything.",
        {"all": [_did("Product Viewed", days=7), {"not": _bought(days=7)}]},
    ),
    DemoSegment(
        "coupon-redeemers",
        "Coupon redeemers",
        "Handed in a coupon in the last 90 days.",
        _did("Coupon Redeemed", days=90),
    ),
    DemoSegment(
        "loyalty-without-app",
        "Store customers without the app",
        "Buy in the store and have never opened the app.",
        {"all": [_bought(where=_through("store")), {"not": _did("$screen")}]},
    ),
    DemoSegment(
        "omnichannel",
        "Omnichannel customers",
        "Bought both in the store and online in the last 180 days.",
        {
            "all": [
                _bought(days=180, where=_through("store")),
                {"any": [_bought(days=180, where=_through("web")), _bought(days=180, where=_through("app"))]},
            ]
        },
    ),
    DemoSegment(
        "email-openers",
        "E-mail openers",
        "Opened an e-mail in the last 30 days.",
        _did("Email Opened", days=30),
    ),
    DemoSegment(
        "email-unmoved",
        "Unmoved by e-mail",
        "Got three or more e-mails in the last 180 days and opened none.",
        {"all": [_did("Email Sent", at_least=3, days=180), {"not": _did("Email Opened", days=180)}]},
    ),
    DemoSegment(
        "new-customers",
        "New customers",
        "Bought for the first time in the last 90 days.",
        {"event": "Order Completed", "first": {"is": "within_last", "value": {"days": 90}}},
    ),
    DemoSegment(
        "fresh-food",
        "Fresh-food lovers",
        "Bought mostly produce at least three times in the last 180 days.",
        _bought(at_least=3, days=180, where=[{"property": "department", "is": "eq", "value": "Produce"}]),
    ),
    DemoSegment(
        "marlow-falls-mailable",
        "Marlow Falls, by e-mail",
        "Lives in Marlow Falls and can be reached by e-mail.",
        {"all": [{"trait": "city", "is": "eq", "value": "Marlow Falls"}, {"trait": "email", "is": "exists"}]},
    ),
)
