"""A shop whose every store holds something of Anna."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zstandard

from cdp.pipeline.run import Applier
from common import clock, pg
from events import services as events
from tests.applying import apply_all
from tests.web.conftest import Shop, shop

__all__ = ["Shop", "shop"]

ANNA = ("anna@example.org", "customer-1", "+493012345678", "browser-1", "browser-2")

Send = Callable[..., None]


@pytest.fixture
def send(transactional_db: None) -> Iterator[Send]:
    """Sends calls into the inbox, and applies them unless told otherwise."""
    applier = Applier()
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())

        def store(source_id: int, *calls: dict[str, Any], applied: bool = True) -> None:
            events.store(
                conn, source_id=source_id, document=json.dumps({"batch": calls}).encode(), events=len(calls),
                client_ip=None, received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
            if applied:
                apply_all(applier, now=clock.now())

        yield store
    applier.close()
