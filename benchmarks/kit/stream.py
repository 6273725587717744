"""A realistic stream of Segment calls, deterministic by seed: people, devices, sessions, repeats and late arrivals.

200,000 people with 280,000 devices (1 % shared), 5,000 interleaved sessions of about six events, popularity by a Zipf
law of exponent 0.7; 70 % of events are anonymous, 6 % are identify calls with an e-mail address, two in five with a
phone number; 0.5 % repeats and 0.5 % up to two days late. 100,000 events are a day.
"""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import numpy as np

EVENTS = (
    "Product Viewed", "Product List Viewed", "Product Searched", "Product Added", "Product Removed", "Cart Viewed",
    "Checkout Started", "Order Completed", "Coupon Applied", "Article Read", "Video Played",
)  # fmt: skip
CATEGORIES = ("dairy", "bakery", "produce", "meat", "frozen", "drinks", "household", "pets")
EVENTS_A_DAY = 100_000
PER_REQUEST = 100


class Stream:
    """Endless events from a seed."""

    def __init__(self, *, start: datetime, people: int = 200_000, sessions: int = 5_000, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._start = start
        self._people = people
        weights = 1.0 / np.arange(1, people + 1) ** 0.7
        self._cumulative = np.cumsum(weights / weights.sum())
        self._numpy = np.random.default_rng(seed)
        self._drawn: list[int] = []
        self._sessions = [self._session() for _ in range(sessions)]
        self._count = 0
        self._recent: list[dict[str, Any]] = []

    def now(self) -> datetime:
        """The stream's own clock."""
        return self._start + timedelta(seconds=self._count * 86_400 / EVENTS_A_DAY)

    def bodies(self, events: int) -> Iterator[tuple[bytes, int]]:
        """Batch bodies of 100 events each, and how many."""
        for _ in range(events // PER_REQUEST):
            items = [self._event() for _ in range(PER_REQUEST)]
            yield json.dumps({"batch": items}, separators=(",", ":")).encode(), len(items)

    def _person(self) -> int:
        if not self._drawn:
            draws = np.searchsorted(self._cumulative, self._numpy.random(10_000))
            self._drawn = np.minimum(draws, self._people - 1).tolist()
        return self._drawn.pop()

    def _session(self) -> dict[str, Any]:
        person = self._person()
        rolled = self._random.random()
        device = person if rolled < 0.6 else person + self._people * (1 + person % 2)
        if self._random.random() < 0.01:
            device = person // 3
        return {
            "person": person,
            "device": device,
            "known": self._random.random() < 0.3,
            "left": self._random.randint(2, 10),
        }

    def _event(self) -> dict[str, Any]:
        self._count += 1
        if self._recent and self._random.random() < 0.005:
            return self._random.choice(self._recent)
        place = self._random.randrange(len(self._sessions))
        session = self._sessions[place]
        session["left"] -= 1
        if session["left"] <= 0:
            self._sessions[place] = self._session()
        event = self._call(session)
        if len(self._recent) < 1000:
            self._recent.append(event)
        else:
            self._recent[self._count % 1000] = event
        return event

    def _call(self, session: dict[str, Any]) -> dict[str, Any]:
        roll = self._random.random()
        at = self.now() - timedelta(seconds=self._random.random() * 172_800 if roll > 0.995 else 0)
        event: dict[str, Any] = {
            "messageId": f"ajs-next-{self._count}-{self._random.getrandbits(64):016x}",
            "anonymousId": f"{session['device']:08d}-5c1f-4a7e-9d3b-{session['device']:012d}",
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "context": self._context(session),
        }
        if session["known"]:
            event["userId"] = f"user-{session['person']}"
        if session["known"] and self._random.random() < 0.2:
            return event | {"type": "identify", "traits": self._traits(session["person"])}
        if self._random.random() < 0.1:
            return event | {"type": "page", "name": "Shop", "properties": {"path": "/shop", "title": "Shop"}}
        return event | {"type": "track", "event": self._random.choice(EVENTS), "properties": self._properties()}

    def _properties(self) -> dict[str, Any]:
        return {
            "product_id": f"sku-{self._random.randint(1, 5000)}",
            "category": self._random.choice(CATEGORIES),
            "revenue": round(self._random.random() * 90, 2),
            "quantity": self._random.randint(1, 4),
        }

    def _context(self, session: dict[str, Any]) -> dict[str, Any]:
        return {
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "page": {"path": "/shop/item", "url": "https://shop.example/shop/item", "title": "Item"},
            "userAgent": f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/{100 + session['device'] % 50}",
            "locale": "en-GB",
        }

    def _traits(self, person: int) -> dict[str, Any]:
        traits: dict[str, Any] = {
            "email": f"person{person}@mail{person % 50}.example",
            "firstName": f"Name{person % 2000}",
            "lastName": f"Family{person % 5000}",
            "plan": ("free", "plus", "pro")[person % 3],
            "city": f"City{person % 300}",
            "age": 18 + person % 60,
        }
        if person % 5 < 2:
            traits["phone"] = f"+1202{5_550_000 + person % 9_999:07d}"
        return traits
