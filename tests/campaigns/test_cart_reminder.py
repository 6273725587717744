"""The whole way: a cart is left, a mail goes out within the hour unless somebody buys; what it did is told."""

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.conf import LazySettings

from campaigns import selectors, services
from common import clock, pg
from connectors.services import rotate_write_key
from connectors.sources.ingestion import Ingestion
from events.services import ensure_inbox
from tests.campaigns.journeys_world import Shop, first_of, shop
from tests.ingestion.client import Caller

__all__ = ["shop"]
pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 120
_MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{{ event.total }} EUR wait for you."
    "<a href='{{ unsubscribe_url }}'>Leave</a></mj-text></mj-column></mj-section></mj-body></mjml>"
)


class Sink:
    """A mail server that keeps what it takes."""

    def __init__(self) -> None:
        self.mails: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def sink(shop: Shop, settings: LazySettings) -> Iterator[Sink]:
    settings.OUTBOUND_ALLOW, settings.PUBLIC_URL = ["127.0.0.1"], "https://shop.example"
    made = Sink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(made, hostname="127.0.0.1", port=port)
    server.start()
    services.keep_channel("email", "smtp", {
        "host": "127.0.0.1", "port": port, "security": "none", "sender": "Shop <news@shop.example>",
    }, by="ann", now=shop.now)  # fmt: skip
    services.change_policy({"quiet_from": 0, "quiet_until": 0, "caps": []}, by="ann", now=shop.now)
    made_template = services.create_template(
        name="Cart reminder", message_class="marketing", by="ann", now=shop.now,
        contents={"email": {"en": {"subject": "You left something", "body": _MJML}}},
    )  # fmt: skip
    services.publish_template(made_template.id, 1, by="ann", now=shop.now)
    yield made
    server.stop()


@pytest.fixture
def web(shop: Shop) -> Iterator[Caller]:
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    application = Ingestion(nudge=lambda: None, key_seconds=0)
    yield Caller(application)
    application.close()


def call(n: int, event: str, at: datetime, **properties: Any) -> dict[str, Any]:
    return {
        "type": "track", "userId": f"u{n}", "event": event, "messageId": f"{event}{n}", "properties": properties,
        "timestamp": at.isoformat(),
    }  # fmt: skip


def posted(web: Caller, key: str, calls: list[dict[str, Any]]) -> None:
    answer = web("POST", "/v1/batch", {"batch": calls, "writeKey": key})
    assert answer.status == 200, answer


def said(mail: Message) -> str:
    """The plain text of a mail."""
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    return str(part.get_payload())


def hand_over(shop: Shop) -> None:
    shop.run()
    while services.send_due("email", now=shop.now, suppressed=lambda _: set()):
        pass
    shop.apply()


def test_a_cart_is_reminded_of_and_what_the_reminder_did_is_told(shop: Shop, web: Caller, sink: Sink) -> None:
    key = rotate_write_key(source_id=shop.source, by="ann").write_key
    began = shop.now
    campaign = shop.start({
        "entry": {"kind": "event", "event": "Cart Abandoned", "late_minutes": 60}, "again": "after_exit", "holdout": 50,
        "purpose": "news", "goal": {"event": "Order Completed", "minutes": 1_440},
        "steps": [
            {"kind": "wait_event", "id": "buys", "event": "Order Completed", "minutes": 45, "next": "bought",
             "otherwise": "remind"},
            {"kind": "send", "id": "remind", "template": "cart-reminder"}, {"kind": "exit", "id": "bought"},
        ],
    })  # fmt: skip
    posted(web, key, [
        {"type": "identify", "userId": f"u{n}", "messageId": f"i{n}", "timestamp": began.isoformat(),
         "traits": {"email": f"u{n}@example.org", "consent_news": True}} for n in range(PEOPLE)
    ])  # fmt: skip
    posted(web, key, [call(n, "Cart Abandoned", began, total=n) for n in range(PEOPLE)])
    # The same batch once more: whoever got no answer sends it again.
    posted(web, key, [call(n, "Cart Abandoned", began, total=n) for n in range(PEOPLE)])
    shop.apply()
    hand_over(shop)
    assert sink.mails == []
    shop.now = began + timedelta(minutes=20)
    posted(web, key, [call(n, "Order Completed", shop.now) for n in range(6)])
    shop.apply()
    hand_over(shop)
    shop.now = began + timedelta(minutes=46)
    hand_over(shop)
    held = {
        one.profile_id for one in selectors.instances(campaign_id=campaign.id, limit=500) if one.state == "held_out"
    }
    wanted = {f"u{n}@example.org" for n in range(6, PEOPLE) if shop.profile(f"u{n}") not in held}
    assert sorted(str(mail["To"]) for mail in sink.mails) == sorted(wanted)
    for mail in sink.mails:
        assert f"{str(mail['To']).partition('@')[0][1:]} EUR wait for you" in said(mail)
    shop.now = began + timedelta(hours=3)
    # Chance says who is held out; of each side the same share buys, whoever that is. Of 114 at one half, fewer than 25
    # on one side have the probability 4e-10, and down to that the interval is above nothing, wherever the six are.
    buyers = first_of(set(range(6, PEOPLE)), held, shop, held_share=0.2, treated_share=0.9)
    posted(web, key, [call(n, "Order Completed", shop.now) for n in buyers])
    shop.apply()
    hand_over(shop)
    found = selectors.campaign_results(campaign.id, now=began + timedelta(days=2))
    assert found.treated.converted + found.held_out.converted == 6 + len(buyers)
    assert [(one.step, one.sent) for one in found.messages] == [("remind", len(wanted))]
    assert found.difference is not None
    assert 0 < found.difference.low < found.difference.points
    assert "It changes the share who convert" in found.words
