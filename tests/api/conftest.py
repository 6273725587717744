"""A small world behind the API: people come in through the real inbox and applier."""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
import zstandard
from django.conf import settings as django_settings
from django.test import Client

from cdp.pipeline.run import Applier
from common import access, clock, pg
from connectors import services as connector_services
from events import services as event_services
from tests.applying import apply_all


@dataclass
class Api:
    """A client that holds one token."""

    token: str
    token_id: int

    def __post_init__(self) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {self.token}"})

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/api/v1{path}", headers=_names(headers))

    def post(self, path: str, data: Any = None, **headers: str) -> Any:
        return self.client.post(
            f"/api/v1{path}", json.dumps({} if data is None else data), "application/json", headers=_names(headers)
        )

    def patch(self, path: str, data: Any, **headers: str) -> Any:
        return self.client.patch(f"/api/v1{path}", json.dumps(data), "application/json", headers=_names(headers))

    def delete(self, path: str) -> Any:
        return self.client.delete(f"/api/v1{path}")

    def all(self, path: str, limit: int = 2) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        sign = "&" if "?" in path else "?"
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"{path}{sign}limit={limit}" + (f"&cursor={cursor}" if cursor else "")).json()
            found += page["data"]
            cursor = page["next_cursor"]
            if not cursor:
                return found


def _names(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def api() -> Callable[..., Api]:
    """`api("profiles:read", …)` is a client with these scopes."""

    def make(*scopes: str) -> Api:
        text, token = access.create_token(name=f"test {'+'.join(scopes)}"[:120], scopes=scopes)
        return Api(text, token.pk)

    return make


@pytest.fixture(autouse=True)
def _full_buckets() -> None:
    """Token ids start anew with each test database; so must their buckets."""
    client = redis.Redis.from_url(django_settings.REDIS_URL)
    for key in client.scan_iter("cdp:rate:*"):
        client.delete(key)


class World:
    """A source and the applier of its events."""

    def __init__(self) -> None:
        self.applier = Applier()
        self.source = connector_services.create_source(name="Shop", kind="web", by="test")

    def play(self, *events: dict[str, Any]) -> None:
        """Events come in and are applied; what a library would fill in is filled in."""
        now = clock.now()
        batch = [
            {"messageId": str(uuid.uuid4()), "timestamp": clock.iso(now), "type": "track"} | event for event in events
        ]
        with pg.connect(autocommit=True) as conn:
            event_services.ensure_inbox(conn, now=now)
            event_services.store(
                conn, source_id=self.source.id, document=json.dumps({"batch": batch}).encode(), events=len(batch),
                client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(),
            )  # fmt: skip
        apply_all(self.applier, now=clock.now())

    def identify(self, user: str, **traits: Any) -> None:
        self.play({"type": "identify", "userId": user, "traits": traits})

    def track(self, user: str, event: str, at: datetime | None = None, **properties: Any) -> None:
        when = (at or clock.now()).astimezone(UTC)
        self.play({"userId": user, "event": event, "properties": properties, "timestamp": clock.iso(when)})


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    found = World()
    yield found
    found.applier.close()
