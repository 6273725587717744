"""People and what they did, written where the product writes it; features of them at any instant."""

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import psycopg

from common import pg
from insights.contracts import OrderSetting
from insights.features.reading import features_of
from tests.segments.world import World

SPRING = datetime(2026, 3, 1, tzinfo=UTC)
_EVENT = """
insert into events_event
    (identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties, envelope)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


class Shop(World):
    """A world whose events have a time of receipt and a source."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = itertools.count()

    def tells(
        self, person: int, name: str, at: datetime, *, received: datetime | None = None, source: int = 1,
        traits: dict[str, Any] | None = None, context: dict[str, Any] | None = None, **properties: Any,
    ) -> None:  # fmt: skip
        """An event in the log; it came when it happened unless `received` says otherwise."""
        kind = "identify" if name == "$identify" else "track"
        told = {"traits": traits, "context": context}
        envelope = json.dumps({key: one for key, one in told.items() if one})
        row = [person, at, received or at, source, kind, name, f"t{next(self._numbers)}", json.dumps(properties)]
        with psycopg.Cursor(pg.raw()) as cursor:
            cursor.execute(_EVENT, [*row, envelope])

    def orders(self, person: int, at: datetime, revenue: Any, order_id: str = "", **more: Any) -> None:
        """An order as Segment's e-commerce spec tells it."""
        named = {"order_id": order_id} if order_id else {}
        self.tells(person, "Order Completed", at, revenue=revenue, **named, **more)


def told(
    *names: str, as_of: datetime, person: int | None = None, orders: OrderSetting | None = None
) -> dict[int, tuple[Any, ...]]:  # fmt: skip
    """Each person's features, with None for what is not known."""
    table = features_of(names, as_of=as_of, profiles=None if person is None else [person], orders=orders)
    columns = [
        [None if isinstance(one, float) and one != one else one for one in table.columns[name]] for name in names
    ]
    return dict(zip(table.profile_ids.tolist(), zip(*columns, strict=True), strict=True))
