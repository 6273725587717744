"""Rules for the benchmarks: ten that a shop would have, and two hundred from the same forms."""

from typing import Any

Rule = dict[str, Any]


def _count(event: str, least: int, days: int, **where: str) -> Rule:
    filters = [{"property": name, "is": "eq", "value": value} for name, value in where.items()]
    return {"event": event, "count": {"is": "gte", "value": least}, "within": {"days": days}, "where": filters}


TEN: list[tuple[str, Rule]] = [
    ("Bought in 30 days", _count("Order Completed", 1, 30)),
    ("Bought three times in 30 days", _count("Order Completed", 3, 30)),
    ("Browses dairy", _count("Product Viewed", 2, 7, category="dairy")),
    ("Searches a lot", _count("Product Searched", 3, 7)),
    ("Cart without order", {"all": [_count("Product Added", 1, 3), {"not": _count("Order Completed", 1, 3)}]}),
    (
        "Spent 100 in 30 days",
        {"event": "Order Completed", "sum": {"property": "revenue", "is": "gte", "value": 100}, "within": {"days": 30}},
    ),
    ("Pro plan", {"trait": "plan", "is": "eq", "value": "pro"}),
    ("Pro or buyer", {"any": [{"trait": "plan", "is": "eq", "value": "pro"}, _count("Order Completed", 2, 30)]}),
    (
        "Viewed three in an hour",
        {"event": "Product Viewed", "count": {"is": "gte", "value": 3}, "within": {"hours": 1}},
    ),
    ("Over forty and reading", {"all": [{"trait": "age", "is": "gt", "value": 40}, _count("Article Read", 1, 14)]}),
]


def many(number: int) -> list[tuple[str, Rule]]:
    """The ten and variations of them: some fifty distinct aggregates, as grown installations have."""
    from kit.stream import CATEGORIES, EVENTS

    rules = list(TEN)
    for n in range(number - len(TEN)):
        event, days = EVENTS[n % len(EVENTS)], (1, 7, 14, 30)[n // len(EVENTS) % 4]
        rule = _count(event, 1 + n % 5, days)
        if n % 4 == 1:
            rule = _count(event, 1 + n % 3, days, category=CATEGORIES[n % len(CATEGORIES)])
        elif n % 4 == 2:
            rule = {"all": [rule, {"trait": "plan", "is": "eq", "value": ("free", "plus", "pro")[n % 3]}]}
        elif n % 4 == 3:
            rule = {"all": [rule, {"not": _count(EVENTS[(n + 3) % len(EVENTS)], 1, days)}]}
        rules.append((f"Variation {n}", rule))
    return rules
