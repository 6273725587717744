"""Campaigns to begin with: documents as anybody would write them, to be changed to the shop's own names."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DAY = 1_440


@dataclass(frozen=True, slots=True)
class Example:
    """One example: what it is for, its document, and the subject and words of each template that it sends."""

    slug: str
    name: str
    what: str
    spec: dict[str, Any]
    messages: Mapping[str, tuple[str, str]]


_MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Hello {{{{ profile.first_name | default: 'you' }}}},</mj-text>"
    "<mj-text>{}</mj-text><mj-text><a href='{{{{ unsubscribe_url }}}}'>Unsubscribe</a></mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)


def contents(subject: str, words: str) -> dict[str, Any]:
    """The contents of a plain template."""
    return {"email": {"en": {"subject": subject, "body": _MJML.format(words)}}}


EXAMPLES = (
    Example(
        "welcome", "Welcome", "Whoever signs up is greeted in the daytime, and looked at again three days later.",
        {
            "purpose": "newsletter",
            "entry": {"kind": "event", "event": "Signed Up"}, "again": "never",
            "goal": {"event": "Order Completed", "minutes": 14 * _DAY, "ends": True}, "holdout": 10.0,
            "steps": [
                {"kind": "wait_window", "id": "daytime", "name": "By day", "next": "greet"},
                {"kind": "send", "id": "greet", "name": "Greet", "template": "welcome", "next": "rest"},
                {"kind": "wait_event", "id": "rest", "name": "Looks around?", "event": "Product Viewed",
                 "minutes": 3 * _DAY, "next": "done", "otherwise": "nudge"},
                {"kind": "send", "id": "nudge", "name": "Nudge", "template": "welcome-again", "next": "done"},
                {"kind": "exit", "id": "done", "name": "Done"},
            ],
        },
        {"welcome": ("Welcome", "Good that you are here."), "welcome-again": ("Have a look", "What others like.")},
    ),
    Example(
        "cart-reminder", "Cart reminder", "Whoever leaves a cart is reminded within the hour, unless they buy.",
        {
            "purpose": "newsletter",
            "entry": {"kind": "event", "event": "Cart Abandoned", "late_minutes": 60}, "again": "after_exit",
            "again_minutes": _DAY, "goal": {"event": "Order Completed", "minutes": 3 * _DAY, "ends": True},
            "holdout": 10.0,
            "steps": [
                {"kind": "wait_event", "id": "buys", "name": "Buys?", "event": "Order Completed", "minutes": 45,
                 "next": "bought", "otherwise": "remind"},
                {"kind": "send", "id": "remind", "name": "Remind", "template": "cart-reminder"},
                {"kind": "exit", "id": "bought", "name": "Bought"},
            ],
        },
        {"cart-reminder": ("You left something", "Your cart is still there.")},
    ),
    Example(
        "win-back", "Win-back", "Whoever enters a segment of people who have gone quiet is asked back, and once more.",
        {
            "purpose": "newsletter",
            "entry": {"kind": "segment", "segment": "lapsed"}, "again": "always", "again_minutes": 90 * _DAY,
            "goal": {"event": "Order Completed", "minutes": 30 * _DAY, "ends": True},
            "leaving": {"segment": "lapsed"}, "holdout": 10.0,
            "steps": [
                {"kind": "wait_window", "id": "daytime", "name": "By day", "days": [2, 3, 4], "next": "ask"},
                {"kind": "send", "id": "ask", "name": "Ask back", "template": "win-back", "next": "rest"},
                {"kind": "wait", "id": "rest", "name": "A week", "minutes": 7 * _DAY, "next": "again"},
                {"kind": "send", "id": "again", "name": "Once more", "template": "win-back-again"},
            ],
        },
        {"win-back": ("We miss you", "Have a look at what is new."), "win-back-again": ("Still there?", "Last call.")},
    ),
    Example(
        "post-purchase", "Post-purchase", "Each order is followed up ten days later, by its id.",
        {
            "purpose": "newsletter",
            "entry": {"kind": "event", "event": "Order Completed", "key": "order_id"}, "again": "never",
            "leaving": {"event": "Order Refunded"},
            "steps": [
                {"kind": "wait", "id": "rest", "name": "Ten days", "minutes": 10 * _DAY, "next": "daytime"},
                {"kind": "wait_window", "id": "daytime", "name": "By day", "next": "ask"},
                {"kind": "send", "id": "ask", "name": "Ask for a review", "template": "review"},
            ],
        },
        {"review": ("How was it?", "Tell others what you think of your order.")},
    ),
    Example(
        "at-risk-discount", "At-risk discount", "Those who are likely to leave get an offer; by halves, to see which.",
        {
            "purpose": "newsletter",
            "entry": {"kind": "segment", "segment": "at-risk"}, "again": "always", "again_minutes": 60 * _DAY,
            "goal": {"event": "Order Completed", "minutes": 14 * _DAY, "ends": False}, "holdout": 20.0,
            "steps": [
                {"kind": "branch", "id": "worth", "name": "Spends much?", "otherwise": "small", "cases": [
                    {"when": {"trait": "monetary", "is": "gte", "value": 500}, "next": "draw"},
                ]},
                {"kind": "split", "id": "draw", "name": "Which offer?", "parts": [
                    {"weight": 1.0, "next": "large"}, {"weight": 1.0, "next": "small"},
                ]},
                {"kind": "send", "id": "large", "name": "20 % off", "template": "offer",
                 "variables": {"percent": 20}},
                {"kind": "send", "id": "small", "name": "10 % off", "template": "offer",
                 "variables": {"percent": 10}},
            ],
        },
        {"offer": ("For you", "{{ percent }} % off, this week.")},
    ),
)  # fmt: skip
