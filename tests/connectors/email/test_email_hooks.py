"""Providers' calls, by their own shapes and signatures, become events of the person with that address."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection
from django.test import Client

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import selectors, services
from connectors.contracts import EMAIL_PROVIDERS, InvalidSettings, SourceView
from connectors.email.models import EmailHook
from events import services as events
from identity import selectors as identity
from tests.applying import apply_all
from tests.connectors.email import calls

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def source(transactional_db: None) -> SourceView:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return services.create_source(name="Mail", kind="email", by="ann")


@pytest.fixture
def post(source: SourceView) -> Callable[..., Any]:
    def send(body: Any, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().post(
            f"/hooks/email/{source.write_key}/", data, content_type="application/json", headers=headers
        )  # fmt: skip

    return send


def keep(source: SourceView, provider: str, secret: str = "") -> None:
    services.keep_email_hook(source_id=source.id, provider=provider, secret=secret, by="ann", now=clock.now())


def applied() -> list[tuple[str, dict[str, Any]]]:
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()
    with connection.cursor() as cursor:
        cursor.execute("select name, properties from events_event where type = 'track' order by occurred_at, name")
        return [(name, json.loads(told) if isinstance(told, str) else told) for name, told in cursor.fetchall()]


def test_what_became_of_messages_is_told_and_bad_addresses_are_marked(source: SourceView, post: Any) -> None:
    keep(source, "sendgrid")
    assert post(calls.SENDGRID).json() == {"success": True, "items": 7}
    found = applied()
    assert [name for name, _ in found] == [
        "Email Bounced", "Email Delivered", "Email Marked as Spam", "Email Opened", "Email Link Clicked",
    ]  # fmt: skip
    told = dict(found)
    assert told["Email Opened"]["machine"] is True
    assert told["Email Link Clicked"]["link_url"] == "https://shop.example/sale"
    assert told["Email Delivered"]["tags"] == ["welcome"]
    statuses = {}
    for address in ("ana@example.com", "ben@example.com", "kim@example.com"):
        profile = identity.profile_view(identity.find_profile("email", address) or 0)
        assert profile is not None
        statuses[address] = profile.traits.get("email_status")
    assert statuses == {"ana@example.com": None, "ben@example.com": "bounced", "kim@example.com": "complained"}


@pytest.mark.parametrize(
    ("provider", "body", "name"),
    [
        ("postmark", calls.POSTMARK, "Email Opened"), ("sparkpost", calls.SPARKPOST, "Email Delivered"),
        ("brevo", calls.BREVO, "Unsubscribed"), ("mailjet", calls.MAILJET, "Email Opened"),
    ],
)  # fmt: skip
def test_each_providers_own_shape_is_read(source: SourceView, post: Any, provider: str, body: Any, name: str) -> None:
    keep(source, provider)
    assert post(body).status_code == 200
    assert [told for told, _ in applied()] == [name]
    assert identity.find_profile("email", "ana@example.com") is not None


def test_a_bounce_that_may_pass_gives_no_address_up_and_a_proxy_is_no_person(source: SourceView, post: Any) -> None:
    keep(source, "brevo")
    for event in ("soft_bounce", "unique_proxy_open"):
        post({**calls.BREVO, "event": event})
    assert [(name, told.get("machine")) for name, told in applied()] == [
        ("Email Deferred", None), ("Email Opened", True),
    ]  # fmt: skip
    profile = identity.profile_view(identity.find_profile("email", "ana@example.com") or 0)
    assert profile is not None
    assert "email_status" not in profile.traits


def test_a_call_that_is_repeated_counts_once(source: SourceView, post: Any) -> None:
    for provider, body in (("sendgrid", calls.SENDGRID), ("brevo", calls.BREVO)):
        keep(source, provider)
        for _ in range(3):
            assert post(body).status_code == 200
    assert len(applied()) == 6


def test_a_signature_is_checked_and_a_wrong_one_told(source: SourceView, post: Any) -> None:
    with pytest.raises(InvalidSettings, match="signs its calls"):
        keep(source, "mailgun")
    keep(source, "mailgun", "mailgun-key-1")
    assert post(calls.mailgun("mailgun-key-1")).status_code == 200
    wrong = post(calls.mailgun("another"))
    assert wrong.status_code == 403
    hook = selectors.email_hook(source.id)
    assert hook is not None
    assert hook.problem == "The signature is missing or wrong."
    assert [name for name, _ in applied()] == ["Email Opened"]
    assert "mailgun-key-1" not in str(EmailHook.objects.values())


def test_sendgrids_signature_is_checked_when_its_key_is_given(source: SourceView, post: Any) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    keep(source, "sendgrid", base64.b64encode(public).decode())
    body = json.dumps(calls.SENDGRID).encode()
    stamp = str(calls.AT)
    signature = base64.b64encode(key.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    signed = {"X-Twilio-Email-Event-Webhook-Signature": signature, "X-Twilio-Email-Event-Webhook-Timestamp": stamp}
    assert post(body, **signed).status_code == 200
    assert post(body + b" ", **signed).status_code == 403
    assert post(body).status_code == 403


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[1]", b'{"a": 1}', b"\xff\xfe", b'[{"event": "open"}]'])
@pytest.mark.parametrize("provider", [slug for slug, one in EMAIL_PROVIDERS.items() if not one.required])
def test_no_call_whatever_breaks_the_door(source: SourceView, post: Any, provider: str, body: bytes) -> None:
    keep(source, provider)
    assert post(body).status_code in (200, 400)


def test_an_address_that_is_not_there_is_told(source: SourceView, post: Any) -> None:
    assert post(calls.SENDGRID).status_code == 404, "no provider yet"
    keep(source, "sendgrid")
    assert Client().post("/hooks/email/none/", b"[]", content_type="application/json").status_code == 404
    assert Client().head(f"/hooks/email/{source.write_key}/").status_code == 200
    services.set_enabled(source_id=source.id, enabled=False, by="ann")
    assert post(calls.SENDGRID).status_code == 404


def test_a_key_stays_when_none_is_entered_and_goes_with_its_provider(source: SourceView) -> None:
    keep(source, "mailgun", "k")
    keep(source, "mailgun")
    assert selectors.email_hook(source.id).has_secret  # type: ignore[union-attr]
    keep(source, "postmark")
    assert not selectors.email_hook(source.id).has_secret  # type: ignore[union-attr]
    with pytest.raises(InvalidSettings, match="choose one"):
        keep(source, "carrier-pigeon")
