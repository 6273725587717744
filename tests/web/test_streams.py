"""The topic of a source on its page."""

import pytest
from django.urls import reverse

from connectors import selectors
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)

FORM = {"s-servers": "kafka.example.com:9093", "s-topic": "orders", "s-protocol": "SASL_SSL", "s-user": "cdp",
        "s-password": "hunter2", "s-mechanism": "PLAIN", "s-start": "earliest"}  # fmt: skip


def test_a_topic_is_set_up_paused_and_its_password_never_shown(shop: Shop) -> None:
    client = signed_in("steward")
    where = reverse("web:source_stream", args=[shop.source])
    assert "No stream yet" in text_of(client.get(where))
    wrong = client.post(where, {**FORM, "s-topic": ""})
    assert wrong.status_code == 422
    shown = client.post(where, FORM, follow=True)
    assert "orders" in text_of(shown)
    assert "hunter2" not in shown.content.decode()
    client.post(where, {"do": "pause"})
    found = selectors.stream(shop.source)
    assert found is not None
    assert not found.enabled
    assert "paused" in text_of(client.get(where))
    client.post(where, {"do": "resume"})
    assert selectors.stream(shop.source).enabled  # type: ignore[union-attr]
