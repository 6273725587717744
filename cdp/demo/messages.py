"""What goes over the wire: Segment's message shapes, and the identifiers each of them carries. Pure."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any, NamedTuple

from cdp.demo.people import Person
from cdp.demo.shopping import LAST_MOMENT, Basket, Line

JSON = dict[str, Any]
CHANNELS = ("web", "mobile", "email", "offline")
RECORD_KIND = "record:loyalty"
"""Kind of the key that a row of the loyalty file has when it carries no card number."""

_MESSAGE_IDS = uuid.UUID("6f0e2a34-3c0e-4d7a-9f44-0b1d4c2a8e11")


class Message(NamedTuple):
    """One message of one channel. `person` is the truth: it stays here, `body` is all that is sent."""

    channel: str
    at: datetime
    person: str
    body: JSON


class Key(NamedTuple):
    """An identifier as it was sent, before any cleaning."""

    kind: str
    value: str


def track(event: str, properties: JSON, **who: Any) -> JSON:
    """Something somebody did."""
    return {"type": "track", "event": event, "properties": properties, **who}


def identify(traits: JSON, **who: Any) -> JSON:
    """Who somebody is, as the channel knows it; what it does not know is left out."""
    return {"type": "identify", "traits": {name: value for name, value in traits.items() if value}, **who}


def external_id(kind: str, value: str) -> JSON:
    """A key of another system, the way Segment's `context.externalIds` writes it."""
    return {"id": value, "type": kind, "collection": "users", "encoding": "none"}


def product(line: Line) -> JSON:
    """A product in the words of Segment's e-commerce events."""
    return {
        "product_id": line.product_id,
        "name": line.name,
        "category": line.category,
        "department": line.department,
        "brand": line.brand,
        "price": line.price,
        "quantity": line.quantity,
    }


def order(basket: Basket, **more: Any) -> JSON:
    """The properties of `Order Completed`: a real receipt."""
    return {
        "order_id": basket.id,
        "revenue": basket.revenue,
        "discount": basket.discount,
        "currency": "USD",
        "department": basket.department,
        "departments": sorted({line.department for line in basket.lines}),
        "products": [product(line) for line in basket.lines],
        **more,
    }


def personal_traits(person: Person, at: datetime, *, first_name: str, email: str) -> JSON:
    """What a person fills into an account: as true on the day as they themselves are."""
    home = person.residence(at.date())
    return {
        "first_name": first_name,
        "last_name": person.last_name(at.date()),
        "email": email,
        "street": home.street,
        "city": home.city,
        "postcode": home.postcode,
    }


def at_noon(day: Any, *, plus: timedelta = timedelta()) -> datetime:
    """Noon of a day (UTC), moved by `plus`."""
    return datetime.combine(day, time(12), tzinfo=UTC) + plus


def keys_of(body: Mapping[str, Any]) -> list[Key]:
    """Every identifier that a message carries."""
    context = body.get("context", {})
    device = context.get("device", {})
    traits = {**context.get("traits", {}), **body.get("traits", {})}
    found = [
        Key("user_id", body.get("userId", "")),
        Key("anonymous_id", body.get("anonymousId", "")),
        Key("device_id", device.get("id", "")),
        Key("push_token", device.get("token", "")),
        Key("email", traits.get("email", "")),
        Key("phone", traits.get("phone", "")),
        *(Key(key["type"], key["id"]) for key in context.get("externalIds", ())),
    ]
    return [key for key in found if key.value]


def truth(messages: Iterable[Message]) -> dict[Key, set[str]]:
    """Who truly used each identifier. A shared tablet, landline or address has several persons."""
    owners: dict[Key, set[str]] = defaultdict(set)
    for message in messages:
        for key in keys_of(message.body):
            owners[key].add(message.person)
    return dict(owners)


def days_to_today(now: datetime) -> timedelta:
    """Whole days that bring the end of the data to the last 24 hours, and nothing into the future."""
    return timedelta(days=(now - LAST_MOMENT).days)


def to_wire(messages: Sequence[Message], *, channel: str, shift: timedelta) -> list[JSON]:
    """One channel's bodies in order of time, with their message ids and (moved) timestamps.

    The n-th message of a channel has the same id every time, so playing twice stores once.
    """
    mine = sorted((m for m in messages if m.channel == channel), key=lambda message: message.at)
    return [
        {
            **message.body,
            "messageId": str(uuid.uuid5(_MESSAGE_IDS, f"{channel}/{number}")),
            "timestamp": (message.at + shift).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        for number, message in enumerate(mine)
    ]
