"""Calls through the real pipeline."""

import itertools
import json
from typing import Any

import zstandard

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import services as connectors
from events import services as events
from identity import selectors as identity
from identity import services as identity_services
from tests.applying import apply_all


class Sender:
    """Sends calls of one source and applies them."""

    def __init__(self) -> None:
        self.source = connectors.create_source(name="Shop", kind="web", by="ann").id
        self._numbers = itertools.count()
        self._applier = Applier()
        with pg.connect(autocommit=True) as conn:
            events.ensure_inbox(conn, now=clock.now())

    def identify(self, user: str, **traits: Any) -> dict[str, Any]:
        """By user id, or of a browser where somebody left an address."""
        if "@" in user:
            return {"type": "identify", "anonymousId": f"browser of {user}", "traits": {"email": user, **traits}}
        return {"type": "identify", "userId": user, "traits": traits}

    def order(self, user: str, at: str, revenue: float, **more: Any) -> dict[str, Any]:
        told = {"revenue": revenue, **more}
        return {"type": "track", "event": "Order Completed", "userId": user, "timestamp": at, "properties": told}

    def send(self, *calls: dict[str, Any]) -> None:
        numbered = [{"messageId": f"i{next(self._numbers)}", **call} for call in calls]
        with pg.connect(autocommit=True) as conn:
            events.store(
                conn, source_id=self.source, document=json.dumps({"batch": numbered}).encode(), events=len(numbered),
                client_ip=None, received_at=clock.now(), compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
        apply_all(self._applier, now=clock.now())

    def profile(self, user: str) -> int:
        found = identity.find_profile("email" if "@" in user else "user_id", user)
        assert found is not None
        return found

    def rebuilt_the_same(self) -> None:
        """A rebuild from links and claims changes nothing."""
        conn = pg.raw()
        query = "select id, traits::text from identity_profile order by id"
        before = conn.execute(query).fetchall()
        identity_services.rebuild_profiles(now=clock.now())
        assert conn.execute(query).fetchall() == before

    def close(self) -> None:
        self._applier.close()
