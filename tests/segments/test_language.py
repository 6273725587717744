"""Rules as text: what is written is read back, and mistakes are told with their place."""

from typing import Any

import pytest
from hypothesis import given, settings

from segments.contracts import RuleError
from segments.language import read
from segments.parsing import parse_rule
from segments.source import write
from tests.segments import strategies as some

WEEKS = {"days": 30}


@settings(deadline=None, max_examples=500)
@given(rule=some.rules)
def test_a_rule_that_is_written_and_read_is_the_same_rule(rule: Any) -> None:
    node = parse_rule(rule)
    assert read(write(node)) == node


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("everyone", {"all": []}),
        ('plan = "pro"', {"trait": "plan", "is": "eq", "value": "pro"}),
        ("`first name` is set", {"trait": "first name", "is": "exists"}),
        ("`a``b` is set", {"trait": "a`b", "is": "exists"}),
        ("`count` is missing", {"trait": "count", "is": "missing"}),
        ('city in ("Oslo", "Rome")', {"trait": "city", "is": "in", "value": ["Oslo", "Rome"]}),
        ("due within next 14 days", {"trait": "due", "is": "within_next", "value": {"days": 14}}),
        (
            'due within next 3 days in zone "Europe/Berlin"',
            {"trait": "due", "is": "within_next", "value": {"days": 3}, "zone": "Europe/Berlin"},
        ),
        (
            'count("Booked" where day before "2026-07-01" in zone "Asia/Tokyo" in last 30 days) = 1',
            {
                "event": "Booked", "count": {"is": "eq", "value": 1}, "within": WEEKS,
                "where": [{"property": "day", "is": "before", "value": "2026-07-01", "zone": "Asia/Tokyo"}],
            },
        ),
        ("seen more than 1 hour ago", {"trait": "seen", "is": "more_than_ago", "value": {"hours": 1}}),
        (
            'count("Order Completed" in last 30 days) >= 1 and lifetime_spend > 100',
            {
                "all": [
                    {"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": WEEKS},
                    {"trait": "lifetime_spend", "is": "gt", "value": 100},
                ]
            },
        ),
        (
            'a = 1 or b = 2 and not (c = true or segment vip)',
            {
                "any": [
                    {"trait": "a", "is": "eq", "value": 1},
                    {
                        "all": [
                            {"trait": "b", "is": "eq", "value": 2},
                            {"not": {"any": [{"trait": "c", "is": "eq", "value": True}, {"segment": "vip"}]}},
                        ]
                    },
                ]
            },
        ),
        (
            'no "Order Completed" for 30 minutes since "Cart Abandoned"',
            {"absent": "Order Completed", "after": "Cart Abandoned", "for": {"minutes": 30}},
        ),
        (
            'sequence("Viewed" where r = "x" then "Bought" without "Left" or "Lost" span 2 hours in last 30 days)',
            {
                "sequence": [
                    {"event": "Viewed", "where": [{"property": "r", "is": "eq", "value": "x"}]}, {"event": "Bought"},
                ],
                "without": [{"event": "Left"}, {"event": "Lost"}],
                "span": {"hours": 2},
                "within": WEEKS,
            },
        ),
        ('random "spring" 0 to 10', {"random": "spring", "from": 0, "to": 10}),
        (
            'distinct(category of "Viewed") >= 2',
            {"event": "Viewed", "distinct": {"property": "category", "is": "gte", "value": 2}},
        ),
    ],
)  # fmt: skip
def test_text_is_read_as_it_is_meant(text: str, rule: Any) -> None:
    assert read(text) == parse_rule(rule)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Line 1, column 1: expected a name"),
        ("plan", "column 5: expected a comparison"),
        ("plan = ", "expected a number"),
        ('plan = "pro" and', "expected a name"),
        ('plan = "pro" plan', "expected and, or, or the end"),
        ('(plan = "pro"', "expected )"),
        ("count(Order) > 1", "expected a text in quotation marks"),
        ('count("Order"\n  in 30 days) > 1', "Line 2, column 6: expected last"),
        ("plan = 'pro'", '"\'" cannot be read'),
        ("seen within last 30 moons", "expected a length of time"),
        ('plan = "\\q"', "backslash"),
        ('count("A") >= 1.5', "whole number"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(RuleError, match=".*") as caught:
        read(text)
    assert told in str(caught.value)
