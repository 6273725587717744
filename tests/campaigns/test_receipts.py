"""What Twilio and Vonage tell of a message, as they document it: signed, told once, and numbers that are dead."""

import hashlib
import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from campaigns import selectors, services
from campaigns.journeys.sent import message_counts
from campaigns.sending.channels.kit import Doubtful
from campaigns.sending.claiming import LEASE, begin, claim, free_abandoned
from campaigns.sending.models import Send, SuppressedContact
from campaigns.sending.settling import settle_problem
from campaigns.sending.statuses import twilio_signature, vonage_token
from campaigns.sending.telling import source
from campaigns.sending.tokens import status_url
from common import clock, pg
from connectors import services as connectors
from events.selectors import events_of
from identity.contracts import IdentifierKey
from tests.campaigns.sending_world import START, World, queue

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "https://shop.example"
Call = Callable[..., int]


@pytest.fixture
def send_id(settings: LazySettings, world: World) -> int:
    settings.PUBLIC_URL = BASE
    services.keep_channel("sms", "twilio", {
        "account_sid": "AC1", "auth_token": "t0ken", "sender": "+15550001",
    }, by="ann", now=START)  # fmt: skip
    return sms(world, "ann", "+493012345678")


def sms(world: World, who: str, phone: str) -> int:
    made = queue([world.request(world.person(who, phone=phone), channels=("sms",))])[0].send_id
    Send.objects.filter(pk=made).update(state="sent", provider_id="SM1", handed_at=START)
    return made


def call(send_id: int, status: str, *, key: str = "t0ken", **more: str) -> int:
    url, form = status_url(send_id), {"MessageSid": "SM1", "MessageStatus": status, "AccountSid": "AC1", **more}
    client: Any = Client(enforce_csrf_checks=True)
    signed = {"x-twilio-signature": twilio_signature(key, url, form)}
    return int(client.post(url.removeprefix(BASE), form, headers=signed).status_code)


def by_vonage(send_id: int, status: str, code: int = 0, *, key: str = "s3cret", body: bytes = b"", **more: Any) -> int:
    told = {"message_uuid": "SM1", "to": "493012345678", "channel": "sms", "status": status, "client_ref": "x", **more}
    if code:
        told["error"] = {"type": f"https://developer.vonage.com/api-errors/messages#{code}", "title": code}
    sent = json.dumps(told).encode()
    claims = {"iss": "Vonage", "api_key": "a1", "payload_hash": hashlib.sha256(sent).hexdigest()}
    client: Any = Client(enforce_csrf_checks=True)
    return int(client.post(
        status_url(send_id).removeprefix(BASE), body or sent, content_type="application/json",
        headers={"authorization": f"Bearer {vonage_token(key, claims)}"},
    ).status_code)  # fmt: skip


def names(world: World, who: str = "ann") -> list[str | None]:
    world.drain()
    return [one.name for one in events_of(world.identifiers(world.id_of(who)))]


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


@pytest.fixture
def vonage_id(send_id: int) -> int:
    services.keep_channel("sms", "vonage", {
        "api_key": "a1", "api_secret": "x", "signature_secret": "s3cret", "sender": "Shop",
    }, by="ann", now=START)  # fmt: skip
    return send_id


def test_vonage_is_believed_by_its_signature_over_the_body_alone(world: World, vonage_id: int) -> None:
    assert by_vonage(vonage_id, "delivered", key="guess") == 403
    assert by_vonage(vonage_id, "delivered", body=b'{"message_uuid": "SM1", "status": "rejected"}') == 403
    assert by_vonage(vonage_id, "delivered", message_uuid="another") == 404
    url = status_url(vonage_id).removeprefix(BASE)
    for header in ("", "Bearer x", "Bearer a.b.c", "Bearer eyJhbGciOiJub25lIn0.e30."):
        answer = Client().post(url, b"{}", content_type="application/json", headers={"authorization": header})
        assert answer.status_code == 403
    assert call(vonage_id, "delivered") == 403
    assert "SMS Delivered" not in names(world)
    assert [by_vonage(vonage_id, one) for one in ("submitted", "delivered", "delivered")] == [204, 204, 204]
    assert names(world).count("SMS Delivered") == 1


@pytest.mark.parametrize(
    ("code", "name", "reason"),
    [(1190, "SMS Bounced", "bounced"), (1240, "Unsubscribed", "unsubscribed"), (1180, "SMS Failed", "")],
)
def test_vonages_errors_tell_dead_numbers_from_those_that_are_away(
    world: World, vonage_id: int, code: int, name: str, reason: str
) -> None:
    assert by_vonage(vonage_id, "rejected", code) == 204
    assert names(world).count(name) == 1
    assert [one.reason for one in SuppressedContact.objects.all()] == ([reason] if reason else [])


def test_an_address_that_a_person_allowed_stays_allowed_when_an_old_failure_is_told_again(
    world: World, send_id: int
) -> None:
    assert call(send_id, "undelivered", ErrorCode="30005") == 204
    assert selectors.suppressed_contacts() == {"sms": 1}
    person = world.id_of("ann")
    assert queue([world.request(person, channels=("sms",), instance="b")])[0].reason == "suppressed"

    assert services.allow_contact(send_id, by="ann", now=START + timedelta(hours=1))
    assert not services.allow_contact(send_id, by="ann", now=START + timedelta(hours=2))
    assert call(send_id, "undelivered", ErrorCode="30005") == 204
    assert selectors.suppressed_contacts() == {}
    later = queue([world.request(person, channels=("sms",), instance="c")])[0]
    assert later.reason == ""

    # A message that was handed over after the person allowed it does tell something new.
    Send.objects.filter(pk=later.send_id).update(
        state="sent", provider_id="SM2", handed_at=START + timedelta(hours=3)
    )  # fmt: skip
    assert call(later.send_id, "undelivered", ErrorCode="30005", MessageSid="SM2") == 204
    assert selectors.suppressed_contacts() == {"sms": 1}


def test_results_count_what_was_delivered_and_what_was_not(world: World, send_id: int) -> None:
    ben, cat, dan = (sms(world, who, phone) for who, phone in (
        ("ben", "+493012345679"), ("cat", "+493012345670"), ("dan", "+493012345671"),
    ))  # fmt: skip
    assert call(send_id, "delivered") == 204
    assert call(ben, "undelivered", ErrorCode="21610") == 204
    # What came after all did not fail.
    assert [call(cat, "undelivered", ErrorCode="30003"), call(cat, "delivered")] == [204, 204]
    assert call(dan, "sent") == 204
    # E-mail providers tell by their own id of a message, to the address of an e-mail source.
    eve = queue([world.request(world.person("eve"))])[0].send_id
    Send.objects.filter(pk=eve).update(state="sent", provider_id="<1@mail>", handed_at=START)
    world.send({"type": "track", "event": "Email Delivered", "context": {"traits": {"email": "eve@example.org"}},
                "properties": {"email_id": "<1@mail>"}, "timestamp": clock.iso(START)})  # fmt: skip
    world.drain()
    with pg.cursor() as cursor:
        [found] = message_counts(cursor, 1)
    assert (found.sent, found.delivered, found.undelivered, found.opened) == (5, 3, 1, 0)


def doubtful(send_id: int, state: str, **more: Any) -> None:
    Send.objects.filter(pk=send_id).update(state=state, provider_id="", error="No answer.", **more)


@pytest.mark.parametrize("status", ["sent", "delivered", "undelivered"])
def test_whoever_tells_of_a_message_has_it_so_a_try_without_an_answer_counts_as_sent(
    world: World, send_id: int, status: str
) -> None:
    doubtful(send_id, "unknown")
    assert [call(send_id, status), call(send_id, status)] == [204, 204]
    row = Send.objects.get(pk=send_id)
    assert (row.state, row.provider_id, row.error) == ("sent", "SM1", "")
    assert names(world).count("SMS Sent") == 1


def test_what_was_taken_after_all_is_not_tried_once_more_unless_a_person_asked(world: World, send_id: int) -> None:
    doubtful(send_id, "queued", attempts=1, handed_at=None)
    assert call(send_id, "delivered") == 204
    assert Send.objects.get(pk=send_id).state == "sent"
    ben = sms(world, "ben", "+493012345679")
    doubtful(ben, "failed")
    services.retry_send(ben, by="ann", now=START)
    assert call(ben, "sent") == 204
    assert Send.objects.get(pk=ben).state == "queued"


def test_what_is_told_while_the_call_still_waits_for_its_answer_is_found_when_none_comes(
    world: World, send_id: int
) -> None:
    ben, token = sms(world, "ben", "+493012345679"), uuid.uuid4()
    for one in (send_id, ben):
        doubtful(one, "queued", due_at=START, handed_at=None)
    rows = claim("sms", token=token, now=START) or []
    for row in rows:
        assert begin(row.id, token=token, now=START)
        assert call(row.id, "delivered") == 204
    assert [one.state for one in Send.objects.all()] == ["handing", "handing"]
    # One worker gets no answer, the other one is killed.
    [ours] = [row for row in rows if row.id == send_id]
    settle_problem(
        ours, Doubtful("No answer."), IdentifierKey("phone", "+493012345678"), source(now=START), token=token,
        now=START, safe=False,
    )  # fmt: skip
    free_abandoned("sms", repeats_are_safe=False, now=START + LEASE + timedelta(seconds=1))
    assert [one.state for one in Send.objects.all()] == ["sent", "sent"]
    assert names(world).count("SMS Sent") == names(world, "ben").count("SMS Sent") == 1


@pytest.mark.parametrize("mark", ["metadata", "Message-ID"])
def test_an_e_mail_that_may_be_sent_is_sent_once_its_provider_tells_of_it(world: World, mark: str) -> None:
    eve, fay = (queue([world.request(world.person(who))])[0].send_id for who in ("eve", "fay"))
    for one in (eve, fay):
        doubtful(one, "unknown", handed_at=START)
    key = Send.objects.get(pk=eve).key
    told = {
        "event": "delivered", "email": "eve@example.org", "timestamp": 1_794_000_000, "sg_event_id": "e1",
        **({"send": str(key), "sg_message_id": "sg1"} if mark == "metadata" else {"smtp-id": f"<{key}@shop.example>"}),
    }  # fmt: skip
    hook = connectors.create_source(name="Mail", kind="email", by="ann", now=START)
    connectors.keep_email_hook(source_id=hook.id, provider="sendgrid", secret="", by="ann", now=START)
    answer = Client().post(f"/hooks/email/{hook.write_key}/", json.dumps([told]), content_type="application/json")
    assert answer.status_code == 200
    assert {one.pk: one.state for one in Send.objects.filter(pk__in=(eve, fay))} == {eve: "sent", fay: "unknown"}
    assert names(world, "eve").count("Email Sent") == 1
