"""Pages of consent: purposes are described, what people say is recorded, sources and syncs ask for it."""

import pytest
from django.test import Client
from django.urls import reverse

from connectors import selectors as connectors
from identity import selectors as identity
from privacy import selectors
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db
NEWS = {"key": "newsletter", "name": "Newsletter", "legal_basis": "consent", "text": "We write once a month."}


@pytest.fixture
def steward(shop: Shop) -> Client:
    client = signed_in("steward")
    assert client.post(reverse("web:new_purpose"), NEWS).status_code == 302
    return client


def test_a_purpose_is_described_and_another_wording_is_another_version(steward: Client) -> None:
    address = reverse("web:purpose", args=["newsletter"])
    assert steward.post(address, {**NEWS, "key": "other", "text": "Weekly."}).status_code == 302
    shown = text_of(steward.get(address))
    assert "Version 2" in shown
    assert "We write once a month." in shown
    assert selectors.purpose("other") is None, "the key stays"
    assert "Newsletter" in text_of(steward.get(reverse("web:purposes")))
    assert steward.post(reverse("web:new_purpose"), {**NEWS, "key": "No key"}).status_code == 422
    assert steward.get(reverse("web:purpose", args=["nothing"])).status_code == 404


def test_what_somebody_said_is_recorded_with_evidence_and_shown_with_its_history(steward: Client, shop: Shop) -> None:
    address = reverse("web:profile_consent", args=[shop.anna])
    assert "Nothing was said" in text_of(steward.get(address))
    given = {
        "purpose": "newsletter", "granted": "yes", "channel": "email", "identifier": str(shop.anna),
        "evidence": "Letter of 2 March",
    }  # fmt: skip
    assert steward.post(address, {**given, "evidence": ""}).status_code == 422
    assert steward.post(address, {**given, "channel": "E-Mail"}).status_code == 422
    assert steward.post(address, given).status_code == 302
    assert steward.post(address, {**given, "granted": "no", "channel": ""}).status_code == 302
    assert [one[:3] for one in identity.consent_answers(shop.anna)] == [
        ("newsletter", "", False), ("newsletter", "email", False),
    ]  # fmt: skip
    shown = text_of(steward.get(address))
    assert "recorded here" in shown
    assert "Wording 1" in shown
    assert "Letter of 2 March" not in shown, "evidence may name people: it is masked like them"
    steward.post(reverse("web:unmask"), {"reason": "They asked", "next": "/"})
    assert "Letter of 2 March" in text_of(steward.get(address))


def test_a_source_asks_for_consent_and_a_sync_by_a_channel(steward: Client, shop: Shop) -> None:
    address = reverse("web:source_privacy", args=[shop.source])
    given = {"purpose": "newsletter", "ip_kept": "truncated", "fill_in": "on", "robots": "drop"}
    assert steward.post(address, {**given, "origins": "www.example.com"}).status_code == 422
    assert selectors.gate_of(shop.source) == ""
    assert steward.post(address, {**given, "origins": "https://WWW.example.com/\nhttps://b.org:443"}).status_code == 302
    assert selectors.gate_of(shop.source) == "newsletter"
    source = connectors.source(shop.source)
    assert source is not None
    assert (source.ip_kept, source.fill_in, source.robots) == ("truncated", True, "drop")
    assert source.origins == ("https://www.example.com", "https://b.org")
    assert "https://b.org" in text_of(steward.get(address))
    steer = reverse("web:steer_sync", args=[shop.sync])
    steward.post(steer, {"do": "consent", "consent": "newsletter", "consent_channel": "email"})
    assert "to newsletter by email" in text_of(steward.get(reverse("web:sync", args=[shop.sync])))
    listed = text_of(steward.get(reverse("web:purposes")))
    sync = connectors.sync(shop.sync)
    assert sync is not None
    assert f"{sync.name} , 1 source" in " ".join(listed.split()) or f"{sync.name}, 1 source" in " ".join(listed.split())
