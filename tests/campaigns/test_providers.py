"""Providers as they document themselves, on the loopback: what they are asked, and what their refusals mean."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.conf import LazySettings

from campaigns import services
from campaigns.sending.channels import push
from campaigns.sending.models import PushSubscription, Send, SendingChannel, SuppressedContact
from campaigns.sending.tokens import status_url
from tests.campaigns.sending_world import START, World, queue
from tests.connectors.receiver import Receiver, Reply, receiving

pytestmark = pytest.mark.django_db(transaction=True)
NUMBER = "+493012345678"


@pytest.fixture
def vendor(settings: LazySettings, world: World) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiving() as made:
        yield made


def base(vendor: Receiver) -> str:
    return vendor.url.removesuffix("/hook")


def deliver(channel: str, *, minutes: int = 0) -> Send:
    services.send_due(channel, now=START + timedelta(minutes=minutes), suppressed=lambda _: set())
    return Send.objects.order_by("-pk")[0]


def twilio(vendor: Receiver, channel: str = "sms") -> None:
    services.keep_channel(channel, "twilio", {
        "account_sid": "AC1", "auth_token": "t0ken", "sender": "+15550001", "url": base(vendor),
    }, by="ann", now=START)  # fmt: skip


def vonage(vendor: Receiver, channel: str, **more: str) -> None:
    services.keep_channel(channel, "vonage", {
        "api_key": "k", "api_secret": "s", "sender": "Shop", "url": base(vendor), **more,
    }, by="ann", now=START)  # fmt: skip


def test_a_message_by_twilio_names_where_its_status_is_told(
    world: World, vendor: Receiver, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    vendor.script = lambda call, before: Reply(status=201, body=b'{"sid": "SM1", "status": "queued"}')
    twilio(vendor)
    queue([world.request(world.person("ann", phone=NUMBER), channels=("sms",))])
    row = deliver("sms")
    assert parse_qs(vendor.calls[0].body.decode())["StatusCallback"] == [status_url(row.pk)]


def test_twilio_takes_an_sms_and_a_whatsapp_template(world: World, vendor: Receiver) -> None:
    vendor.script = lambda call, before: Reply(status=201, body=b'{"sid": "SM1", "status": "queued"}')
    contents = {
        "sms": {"en": {"body": "Hi {{ profile.first_name }}"}},
        "whatsapp": {"en": {"template": "HX1", "parameters": "{{ profile.first_name }}\n{{ code }}"}},
    }
    both = world.make_template("Both", contents=contents)
    ann = world.person("ann", phone=NUMBER)
    for channel in ("sms", "whatsapp"):
        twilio(vendor, channel)
        queue([world.request(ann, step=channel, template_id=both, channels=(channel,), variables={"code": "7"})])
        assert (deliver(channel).state, Send.objects.get(step=channel).provider_id) == ("sent", "SM1")
    sms, whatsapp = (parse_qs(call.body.decode()) for call in vendor.calls)
    assert sms == {"To": [NUMBER], "From": ["+15550001"], "Body": ["Hi ann"]}
    assert (whatsapp["To"], whatsapp["From"]) == ([f"whatsapp:{NUMBER}"], ["whatsapp:+15550001"])
    assert json.loads(whatsapp["ContentVariables"][0]) == {"1": "ann", "2": "7"}
    assert vendor.calls[0].path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert vendor.calls[0].headers["authorization"] == "Basic " + base64.b64encode(b"AC1:t0ken").decode()


@pytest.mark.parametrize(("code", "reason"), [(21610, "unsubscribed"), (21211, "bounced")])
def test_a_number_that_said_stop_or_is_none_is_not_written_to_again(
    world: World, vendor: Receiver, code: int, reason: str
) -> None:
    twilio(vendor)
    vendor.script = lambda call, before: Reply(status=400, body=json.dumps({"code": code, "message": "x"}).encode())
    ann = world.person("ann", phone=NUMBER)
    queue([world.request(ann, channels=("sms",))])
    assert deliver("sms").state == "failed"
    assert SuppressedContact.objects.get().reason == reason
    assert queue([world.request(ann, step="b", channels=("sms",))])[0].reason == "suppressed"
    services.allow_contact(Send.objects.get(step="hello").pk, by="ann", now=START)
    assert queue([world.request(ann, step="c", channels=("sms",))])[0].state == "queued"


def test_vonage_takes_a_text_and_names_the_field_that_is_wrong(world: World, vendor: Receiver) -> None:
    vonage(vendor, "sms")
    vendor.script = lambda call, before: Reply(status=202, body=b'{"message_uuid": "aa-bb"}')
    ann, ben = world.person("ann", phone=NUMBER), world.person("ben", phone="+493012345679")
    queue([world.request(ann, channels=("sms",))])
    row = deliver("sms")
    told = json.loads(vendor.calls[0].body)
    assert told == {
        "channel": "sms", "to": NUMBER[1:], "from": "Shop", "message_type": "text", "text": "Hello ann",
        "client_ref": str(row.key),
    }  # fmt: skip
    wrong = {"title": "Invalid", "invalid_parameters": [{"name": "to", "reason": "x"}]}
    vendor.script = lambda call, before: Reply(status=422, body=json.dumps(wrong).encode())
    queue([world.request(ben, channels=("sms",))])
    assert deliver("sms").state == "failed"
    assert SuppressedContact.objects.count() == 1
    vendor.script = lambda call, before: Reply(status=402)
    queue([world.request(ann, step="b", channels=("sms",))])
    assert deliver("sms").state == "queued"
    assert "balance" in SendingChannel.objects.get(channel="sms").pause_reason


def test_vonage_is_asked_to_tell_what_becomes_of_a_message_where_its_call_can_be_checked(
    world: World, vendor: Receiver, settings: LazySettings
) -> None:
    settings.PUBLIC_URL = "https://shop.example"
    vonage(vendor, "sms", signature_secret="s3cret")
    vendor.script = lambda call, before: Reply(status=202, body=b'{"message_uuid": "aa-bb"}')
    queue([world.request(world.person("ann", phone=NUMBER), channels=("sms",))])
    row = deliver("sms")
    told = json.loads(vendor.calls[0].body)
    assert (told["webhook_url"], told["webhook_version"]) == (status_url(row.pk), "v1")


def test_marketing_that_may_have_gone_out_is_not_repeated_and_a_code_is(world: World, vendor: Receiver) -> None:
    vonage(vendor, "sms")
    vendor.script = lambda call, before: Reply(cut=True)
    ann = world.person("ann", phone=NUMBER)
    queue([world.request(ann, channels=("sms",))])
    assert deliver("sms").state == "unknown"
    queue([world.request(ann, step="code", channels=("sms",), message_class="transactional", purpose="")])
    assert deliver("sms").state == "queued"


def browser() -> tuple[ec.EllipticCurvePrivateKey, bytes, dict[str, str]]:
    key, secret = ec.generate_private_key(ec.SECP256R1()), b"0123456789abcdef"
    point = key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    plain = {"p256dh": base64.urlsafe_b64encode(point), "auth": base64.urlsafe_b64encode(secret)}
    return key, secret, {name: value.rstrip(b"=").decode() for name, value in plain.items()}


def test_web_push_is_encrypted_for_the_browser_signed_and_ends_with_its_subscription(
    world: World, vendor: Receiver
) -> None:
    services.keep_channel("webpush", "vapid", {"contact": "mailto:a@shop.example"}, by="ann", now=START)
    push_it = world.make_template("Push", contents={"webpush": {"en": {"title": "Hi {{ profile.first_name }}"}}})
    ann = world.person("ann")
    key, secret, keys = browser()
    services.subscribe_browser("user_id", "ann", {"endpoint": f"{base(vendor)}/push/1", "keys": keys}, now=START)
    vendor.script = lambda call, before: Reply(status=201, headers={"location": "/m/1"})
    queue([world.request(ann, template_id=push_it, channels=("webpush",))])
    row = deliver("webpush")
    assert (row.state, row.provider_id) == ("sent", "/m/1")
    call = vendor.calls[0]
    shown = json.loads(http_ece.decrypt(call.body, private_key=key, auth_secret=secret, version="aes128gcm"))
    assert shown == {"title": "Hi ann", "tag": str(row.key)}
    assert call.headers["authorization"].startswith("vapid t=")
    assert (call.headers["content-encoding"], call.headers["ttl"]) == ("aes128gcm", "86400")
    vendor.script = lambda call, before: Reply(status=410)
    queue([world.request(ann, step="b", template_id=push_it, channels=("webpush",))])
    assert (deliver("webpush").state, PushSubscription.objects.count()) == ("failed", 0)
    assert queue([world.request(ann, step="c", template_id=push_it, channels=("webpush",))])[0].reason == (
        "no_contact_point"
    )


def test_fcm_is_asked_with_a_token_of_the_service_account(world: World, vendor: Receiver) -> None:
    push._held.clear()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "project_id": "shop", "client_email": "x@shop.iam", "private_key": private.decode(),
        "token_uri": f"{base(vendor)}/token",
    }  # fmt: skip
    services.keep_channel(
        "mobilepush", "fcm", {"service_account": json.dumps(account), "url": base(vendor)}, by="ann", now=START
    )
    gone = {"error": {"code": 404, "status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}

    def script(call: Any, before: int) -> Reply:
        if call.path == "/token":
            return Reply(body=b'{"access_token": "ya29", "expires_in": 3600}')
        dead = json.loads(call.body)["message"]["token"] == "dead-token"
        return Reply(status=404, body=json.dumps(gone).encode()) if dead else Reply(body=b'{"name": "projects/1"}')

    vendor.script = script
    note = world.make_template("Note", contents={"mobilepush": {"en": {"title": "Hi", "url": "app://sale"}}})
    people = []
    for name, token in (("ann", "live-token"), ("ben", "dead-token")):
        people.append(world.person(name))
        device = {"device": {"token": token, "type": "android"}}
        world.send({"type": "track", "userId": name, "event": "App Opened", "context": device})
    queue([world.request(one, template_id=note, channels=("mobilepush",)) for one in people])
    deliver("mobilepush")
    assert sorted(Send.objects.values_list("state", flat=True)) == ["failed", "sent"]
    assert [call.path for call in vendor.calls].count("/token") == 1
    message = next(json.loads(call.body)["message"] for call in vendor.calls if "messages:send" in call.path)
    assert message["notification"] == {"title": "Hi", "body": ""}
    assert SuppressedContact.objects.get().reason == "gone"


def test_settings_are_checked_secrets_are_hidden_and_private_addresses_refused(world: World, vendor: Receiver) -> None:
    with pytest.raises(services.InvalidPolicy):
        services.keep_channel("sms", "smtp", {}, by="ann", now=START)
    twilio(vendor)
    kept = SendingChannel.objects.get(channel="sms")
    assert "t0ken" not in kept.secrets + json.dumps(kept.settings)
    # Without its secret named again, it stays.
    again = services.keep_channel("sms", "twilio", {"account_sid": "AC2", "sender": "X"}, by="ann", now=START)
    assert (again.secrets, again.settings["account_sid"]) == (("auth_token",), "AC2")
    services.keep_channel("webhook", "webhook", {"url": "https://169.254.169.254/latest"}, by="ann", now=START)
    queue([world.request(world.person("ann"), channels=("webhook",))])
    assert deliver("webhook").state == "queued"
    assert "refused" in SendingChannel.objects.get(channel="webhook").pause_reason
