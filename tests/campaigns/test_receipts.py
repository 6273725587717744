"""Twilio's status calls, as it documents them: signed, told once, and numbers that are dead."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from campaigns import services
from campaigns.sending.models import Send, SuppressedContact
from campaigns.sending.receipts import twilio_signature
from campaigns.sending.tokens import status_url
from events.selectors import events_of
from tests.campaigns.sending_world import START, World, queue

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "https://shop.example"


@pytest.fixture
def send_id(settings: LazySettings, world: World) -> int:
    settings.PUBLIC_URL = BASE
    services.keep_channel("sms", "twilio", {
        "account_sid": "AC1", "auth_token": "t0ken", "sender": "+15550001",
    }, by="ann", now=START)  # fmt: skip
    made = queue([world.request(world.person("ann", phone="+493012345678"), channels=("sms",))])[0].send_id
    Send.objects.filter(pk=made).update(state="sent", provider_id="SM1")
    return made


def call(send_id: int, status: str, *, key: str = "t0ken", **more: str) -> int:
    url, form = status_url(send_id), {"MessageSid": "SM1", "MessageStatus": status, "AccountSid": "AC1", **more}
    client: Any = Client(enforce_csrf_checks=True)
    signed = {"x-twilio-signature": twilio_signature(key, url, form)}
    return int(client.post(url.removeprefix(BASE), form, headers=signed).status_code)


def names(world: World) -> list[str | None]:
    world.drain()
    return [one.name for one in events_of(world.identifiers(world.id_of("ann")))]


def test_a_signature_is_the_one_of_twilios_own_example() -> None:
    form = {"CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310",
            "To": "+18005551212"}  # fmt: skip
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert twilio_signature("12345", url, form) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_a_delivery_is_told_once_and_a_forged_call_tells_nothing(world: World, send_id: int) -> None:
    assert call(send_id, "delivered", key="guess") == 403
    assert "SMS Delivered" not in names(world)
    assert [call(send_id, "sent"), call(send_id, "delivered"), call(send_id, "delivered")] == [204, 204, 204]
    assert names(world).count("SMS Delivered") == 1
    assert call(send_id, "delivered", MessageSid="SM2") == 404


@pytest.mark.parametrize(
    ("code", "name", "reason"),
    [("30005", "SMS Bounced", "bounced"), ("21610", "Unsubscribed", "unsubscribed"), ("30003", "SMS Failed", "")],
)
def test_a_dead_number_is_not_written_to_again(world: World, send_id: int, code: str, name: str, reason: str) -> None:
    assert call(send_id, "undelivered", ErrorCode=code) == 204
    assert names(world).count(name) == 1
    assert [one.reason for one in SuppressedContact.objects.all()] == ([reason] if reason else [])
