"""Calls of senders: checked by their signatures, durable once, and what cannot be mapped kept for a person."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from standardwebhooks import Webhook as Standard

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import selectors, services
from connectors.contracts import BadWebhookMapping, SourceView
from connectors.webhooks.models import Webhook
from events import selectors as log
from events import services as events
from identity import selectors as identity
from tests.applying import apply_all

pytestmark = pytest.mark.django_db(transaction=True)
RULES = {"rules": [{"event": "'Paid'", "ids": {"email": "mail"}, "id": "id", "properties": {"total": "total"}}]}
CALL = {"id": 7, "mail": "Ana@example.org", "total": 12}
SECRET = "whsec_" + base64.b64encode(b"a secret of some length!").decode()


@pytest.fixture
def source(transactional_db: None) -> SourceView:
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return services.create_source(name="Till", kind="webhook", by="ann")


@pytest.fixture
def post(source: SourceView) -> Callable[..., Any]:
    def send(body: Any, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client().post(
            f"/hooks/in/{source.write_key}/", data, content_type="application/json",
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )  # fmt: skip

    return send


def keep(source: SourceView, secret: str = "", mapping: Any = RULES, **signature: str) -> None:
    services.keep_webhook(
        source_id=source.id, mapping=mapping, signature={"scheme": "none", **signature}, secret=secret, by="ann",
        now=clock.now(),
    )  # fmt: skip


def applied() -> list[tuple[str, dict[str, Any]]]:
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()
    return [(one.name, one.properties) for one in log.stream_events()]


def test_a_call_becomes_an_event_of_its_person_once(source: SourceView, post: Any) -> None:
    keep(source)
    assert post(CALL).json() == {"success": True, "items": 1}
    post(CALL)
    assert applied() == [("Paid", {"total": 12})]
    assert identity.find_profile("email", "ana@example.org") is not None
    assert selectors.webhook(source.id).problem == ""  # type: ignore[union-attr]


def test_each_scheme_takes_what_was_signed_and_nothing_else(source: SourceView, post: Any) -> None:
    body, now = json.dumps(CALL).encode(), clock.now()
    stamp = str(int(now.timestamp()))
    mac = hmac.new(b"s3cret", body, hashlib.sha256)
    stripe = hmac.new(b"s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    cases: list[tuple[dict[str, str], str, dict[str, str]]] = [
        ({"scheme": "hmac", "header": "X-Hub-Signature-256", "prefix": "sha256="}, "s3cret",
         {"X_Hub_Signature_256": f"sha256={mac.hexdigest()}"}),
        ({"scheme": "hmac", "header": "X-Shopify-Hmac-Sha256", "encoding": "base64"}, "s3cret",
         {"X_Shopify_Hmac_Sha256": base64.b64encode(mac.digest()).decode()}),
        ({"scheme": "stripe"}, "s3cret", {"Stripe_Signature": f"t={stamp},v1={stripe},v0=x"}),
        ({"scheme": "token", "header": "X-Token"}, "s3cret", {"X_Token": "s3cret"}),
        ({"scheme": "basic"}, "ann:s3cret", {"Authorization": "Basic " + base64.b64encode(b"ann:s3cret").decode()}),
        ({"scheme": "standard"}, SECRET, {
            "webhook_id": "m1", "webhook_timestamp": stamp,
            "webhook_signature": Standard(SECRET).sign("m1", now, body.decode()),
        }),
    ]  # fmt: skip
    for signature, secret, headers in cases:
        keep(source, secret, **signature)
        assert post(body, **headers).status_code == 200, signature
        assert post(body + b" ", **headers).status_code == (200 if signature["scheme"] in ("token", "basic") else 403)
        assert post(body).status_code == 403
        assert "fit" in str(Webhook.objects.get().problem) or "signed" in Webhook.objects.get().problem


def test_an_old_copy_of_a_signed_call_is_refused(source: SourceView, post: Any) -> None:
    keep(source, "s3cret", scheme="stripe")
    body, stamp = json.dumps(CALL).encode(), str(int(clock.now().timestamp()) - 400)
    signed = hmac.new(b"s3cret", stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    answer = post(body, Stripe_Signature=f"t={stamp},v1={signed}")
    assert (answer.status_code, "five minutes" in answer.json()["message"]) == (403, True)


def test_what_cannot_be_mapped_waits_in_the_quarantine_and_the_rest_comes_in(source: SourceView, post: Any) -> None:
    keep(source, mapping={"items": "@", **RULES})
    assert post([CALL, {"id": 8, "total": 1}, 5]).json()["items"] == 1
    waiting = log.quarantined()
    assert [json.loads(one.item) for one in waiting] == [5, {"id": 8, "total": 1}]
    assert all(one.detail for one in waiting)
    assert [name for name, _ in applied()] == ["Paid"]


def test_calls_that_are_no_json_or_have_no_address_are_told(source: SourceView, post: Any) -> None:
    assert post(CALL).status_code == 404
    keep(source)
    assert post(b"{").status_code == 400
    assert "not JSON" in selectors.webhook(source.id).problem  # type: ignore[union-attr]
    assert Client().get(f"/hooks/in/{source.write_key}/").status_code == 200
    services.set_enabled(source_id=source.id, enabled=False, by="ann")
    assert post(CALL).status_code == 404


def test_a_secret_is_asked_for_kept_encrypted_and_stays_when_left_empty(source: SourceView) -> None:
    with pytest.raises(BadWebhookMapping, match="give the secret"):
        keep(source, scheme="stripe")
    with pytest.raises(BadWebhookMapping, match="name the header"):
        keep(source, "x", scheme="hmac")
    keep(source, "s3cret", scheme="stripe")
    assert "s3cret" not in Webhook.objects.get().secret
    keep(source, scheme="stripe")
    assert selectors.webhook(source.id).has_secret  # type: ignore[union-attr]
