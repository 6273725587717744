"""A shop whose people are let into campaigns by the real pipeline, with a clock of the test's own."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import orjson
import pytest
import zstandard

from campaigns import selectors, services
from campaigns.contracts import CampaignView
from campaigns.journeys.running import run_once
from cdp.pipeline.run import Applier
from common import pg
from connectors import services as connectors
from events import services as events
from identity import selectors as identity
from segments import services as segments
from tests.applying import apply_all

START = datetime(2026, 11, 2, 8, tzinfo=UTC)


@dataclass
class Shop:
    """Sends events, turns the clock, and lets campaigns run."""

    applier: Applier
    source: int
    now: datetime = START
    told: int = field(default=0)

    def track(self, user: str, event: str, *, at: datetime | None = None, **properties: Any) -> None:
        """An event, applied at once."""
        self.send({"type": "track", "userId": user, "event": event, "properties": properties}, at=at)

    def identify(self, user: str, **traits: Any) -> None:
        self.send({"type": "identify", "userId": user, "traits": traits})

    def send(self, *calls: dict[str, Any], at: datetime | None = None) -> None:
        told = []
        for call in calls:
            self.told += 1
            told.append({"timestamp": (at or self.now).isoformat(), "messageId": f"m{self.told}", **call})
        with pg.connect() as conn, conn.transaction():
            events.store(
                conn, source_id=self.source, document=orjson.dumps({"batch": told}), events=len(told), client_ip=None,
                received_at=self.now, compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
        self.apply()

    def apply(self) -> None:
        apply_all(self.applier, now=self.now)

    def run(self, **later: float) -> None:
        """Turn the clock and let everything happen."""
        self.now += timedelta(**later)
        while segments.run_due(now=self.now):
            pass
        while run_once(now=self.now) + services.make_calls(now=self.now):
            self.apply()

    def profile(self, user: str) -> int:
        found = identity.find_profile("user_id", user)
        assert found is not None, user
        return found

    def states(self, campaign: CampaignView) -> dict[str, int]:
        return selectors.states([campaign.id])[campaign.id]

    def path(self, user: str) -> list[str]:
        """The newest journey of a person: each step with the way that was taken."""
        newest = selectors.instances(profile_id=self.profile(user))[0]
        return [f"{one.step}: {one.way}" for one in newest.passed]

    def segment(self, name: str, rule: dict[str, Any]) -> str:
        return segments.create_segment(name=name, rule=rule, by="ann", now=self.now).slug

    def start(self, spec: dict[str, Any], name: str = "Campaign") -> CampaignView:
        made = services.create_campaign(name=name, spec=spec, by="ann", now=self.now)
        return services.start_campaign(made.id, by="ann", now=self.now, may_mass=True)


def cart(**more: Any) -> dict[str, Any]:
    """Whoever leaves a cart and buys nothing for 45 minutes gets a trait."""
    return {
        "entry": {"kind": "event", "event": "Cart Abandoned"},
        "steps": [
            {"kind": "wait_event", "id": "buys", "event": "Order Completed", "minutes": 45, "next": "bought",
             "otherwise": "remind"},
            {"kind": "trait", "id": "remind", "traits": {"reminded": True}},
            {"kind": "exit", "id": "bought"},
        ],
        "again": "after_exit",
        **more,
    }  # fmt: skip


def first_of(people: set[int], held: set[int], shop: Shop, *, held_share: float, treated_share: float) -> set[int]:
    """Of the people `u0`, `u1` … who were held out the first ones up to a share, rounded up; of all others likewise.

    So the shares who buy are the same in every run, whoever chance holds out.
    """
    out = sorted(n for n in people if shop.profile(f"u{n}") in held)
    rest = sorted(people - set(out))
    return {*out[: ceil(len(out) * held_share)], *rest[: ceil(len(rest) * treated_share)]}


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Shop]:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=START)
    made = Applier()
    yield Shop(made, connectors.create_source(name="Shop", kind="web", by="ann", now=START).id)
    made.close()
