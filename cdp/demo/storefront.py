"""The demo's shop: a page that any website could be, its slots, and what fills them."""

from datetime import datetime
from typing import Any, NamedTuple

from campaigns import selectors as campaigns
from campaigns.services import create_bandit, create_slot
from connectors import selectors as connectors
from segments import selectors as segments
from segments.services import create_segment

_WAITING = "cart-waiting"
_BANDIT = "shop-headline"


class Good(NamedTuple):
    """One thing on the shelf."""

    id: str
    name: str
    department: str
    price: float


GOODS = (
    Good("shop-1", "Sourdough bread", "Bakery", 3.9), Good("shop-2", "Tomatoes on the vine", "Produce", 2.5),
    Good("shop-3", "Mountain cheese", "Dairy", 5.2), Good("shop-4", "Dark roast coffee", "Pantry", 7.4),
    Good("shop-5", "Olive oil", "Pantry", 9.8), Good("shop-6", "Blueberries", "Produce", 3.6),
    Good("shop-7", "Oat drink", "Dairy", 2.2), Good("shop-8", "Cinnamon rolls", "Bakery", 4.1),
)  # fmt: skip


def write_key() -> str | None:
    """The key of the source that the shop's slots are asked by; None where the demo was not played."""
    slot = campaigns.slot("shop-banner")
    if slot is None:
        return None
    sources = slot.document.sources
    return next((one.write_key for one in connectors.sources() if one.id in sources and one.enabled), None)


def create_storefront(source_id: int, *, by: str, now: datetime) -> None:
    """The slots of the shop, with a segment and a bandit; what is there already stays."""
    known = {one.slug for one in segments.segments(archived=True)}
    if _WAITING not in known:
        hours = {"hours": 2}
        create_segment(
            slug=_WAITING, name="Cart waits", description="Has put something into the cart and not bought it yet.",
            rule={"all": [
                {"event": "Cart Updated", "count": {"is": "gte", "value": 1}, "within": hours},
                {"not": {"event": "Order Completed", "count": {"is": "gte", "value": 1}, "within": hours}},
            ]}, by=by, now=now,
        )  # fmt: skip
    if campaigns.bandit(_BANDIT) is None:
        create_bandit(
            name="Shop headline", slug=_BANDIT, reward="Cart Updated", window_hours=1, by=by, now=now,
            arms=[{"key": "fresh", "name": "Fresh"}, {"key": "thrift", "name": "Thrift"}],
            context=[{"key": "device", "of": "context", "values": ["mobile", "desktop"]}],
        )  # fmt: skip
    public = {"public": True, "sources": [source_id]}
    for name, slug, document in _slots():
        if campaigns.slot(slug) is None:
            create_slot(name=name, slug=slug, document={**document, **public}, by=by, now=now)


def _slots() -> list[tuple[str, str, dict[str, Any]]]:
    def content(key: str, title: str, text: str) -> dict[str, Any]:
        return {"key": key, "fields": {"title": title, "text": text}}

    texts = ["title", "text"]
    banner: dict[str, Any] = {
        "default": {"title": "Good food, every day", "text": "Free delivery from 30."}, "fields": texts,
        "contents": [
            content("regulars", "Nice to see you again", "As a regular you get the delivery for free today."),
            content("lapsed", "We have missed you", "Ten percent off your next basket."),
            content("fresh", "Picked this morning", "Berries and tomatoes from around the corner."),
            content("thrift", "Small prices, big baskets", "The week's best offers in one place."),
        ],
        "rules": [
            {"name": "Regulars", "when": {"segment": "regulars"}, "show": {"contents": ["regulars"]}},
            {"name": "Lapsed customers", "when": {"segment": "lapsed"}, "show": {"contents": ["lapsed"]}},
            {"name": "All others", "show": {"bandit": _BANDIT}},
        ],
    }  # fmt: skip
    items: dict[str, Any] = {
        "default": {"title": "Liked by many"}, "fields": ["title"],
        "rules": [{"name": "For this person", "show": {"recommend": 4}}],
    }  # fmt: skip
    cart: dict[str, Any] = {
        "default": {"title": "", "text": "Nothing is waiting."}, "fields": texts,
        "contents": [content("waits", "Your cart is waiting", "It is kept for two hours.")],
        "rules": [{"name": "Cart waits", "when": {"segment": _WAITING}, "show": {"contents": ["waits"]}}],
    }  # fmt: skip
    return [
        ("Shop banner", "shop-banner", banner), ("Shop recommendations", "shop-recommendations", items),
        ("Shop cart reminder", "shop-cart", cart),
    ]  # fmt: skip
