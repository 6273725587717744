"""The webhook page: a preset, a sample tried, kept, and its mistakes told in their place."""

import html
import json

import pytest
from django.urls import reverse

from connectors import selectors as connectors
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db


def test_a_preset_is_tried_on_a_sample_and_kept(shop: Shop) -> None:
    steward, address = signed_in("steward"), reverse("web:source_webhook", args=[shop.source])
    page = steward.get(f"{address}?preset=shopify")
    assert "X-Shopify-Hmac-Sha256" in page.content.decode()
    offered = html.unescape(page.content.decode().partition('name="mapping"')[2].partition(">")[2].partition("<")[0])
    assert json.loads(offered)["rules"][1]["event"] == "'Order Completed'"
    mapping = json.dumps({"rules": [{"event": "'Paid'", "ids": {"email": "mail"}}]})
    form = {"scheme": "stripe", "secret": "s3cret", "mapping": mapping, "sample": '{"mail": "ana@example.org"}'}
    tried = steward.post(address, {**form, "do": "try"})
    assert "What the sample becomes" in text_of(tried)
    assert connectors.webhook(shop.source) is None
    assert steward.post(address, {**form, "do": "keep"}).status_code == 302
    assert connectors.webhook(shop.source).has_secret  # type: ignore[union-attr]
    assert f"/hooks/in/{connectors.source(shop.source).write_key}/" in text_of(steward.get(address))  # type: ignore[union-attr]
    assert "/hooks/in/" not in text_of(signed_in("viewer").get(address))


def test_mistakes_are_told_in_their_place(shop: Shop) -> None:
    steward, address = signed_in("steward"), reverse("web:source_webhook", args=[shop.source])
    good = '{"rules": [{"event": "\'E\'", "ids": {"email": "m"}}]}'
    wrong = steward.post(address, {"scheme": "hmac", "mapping": good, "do": "keep"})
    assert wrong.status_code == 422
    assert "give the secret" in text_of(wrong)
    assert "name the header" in text_of(wrong)
    bad = steward.post(address, {"scheme": "none", "mapping": '{"rules": [{"event": "a["}]}', "do": "try"})
    assert "rules/0/event" in text_of(bad)
    sample = {"scheme": "none", "mapping": good, "sample": "{"}
    assert "not JSON" in text_of(steward.post(address, {**sample, "do": "try"}))
