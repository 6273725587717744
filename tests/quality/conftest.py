"""A source, and a sender whose events are applied at once."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
import zstandard

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import services as connectors
from events import selectors as log
from events import services as events
from events.contracts import EventView
from tests.applying import apply_all

Deliver = Callable[..., list[EventView]]


def lately() -> date:
    """From yesterday on: midnight may go by between what a test writes and what it reads."""
    return clock.now().date() - timedelta(days=1)


@pytest.fixture
def source(transactional_db: None) -> int:
    return connectors.create_source(name="Shop", kind="web", by="ann").id


@pytest.fixture
def deliver(source: int) -> Iterator[Deliver]:
    """Sends calls as they are, applies them, and answers everything in the log, by message id."""
    numbers = iter(range(10**6))
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())

        def store(*calls: dict[str, Any], at: int | None = None) -> list[EventView]:
            told = [{"type": "track", "event": "Bought", "userId": "u1", "messageId": f"c{next(numbers):04}", **call}
                    for call in calls]  # fmt: skip
            if told:
                events.store(
                    conn, source_id=at or source, document=json.dumps({"batch": told}).encode(), events=len(told),
                    client_ip=None, received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
                )  # fmt: skip
            applier = Applier()
            apply_all(applier, now=clock.now())
            applier.close()
            return sorted(log.stream_events(), key=lambda one: one.message_id)

        yield store
