"""The e-mail provider of a source on its page."""

import pytest
from django.urls import reverse

from connectors import selectors
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_provider_is_chosen_and_its_address_shown_to_those_who_may_set_it_up(shop: Shop) -> None:
    client = signed_in("steward")
    where = reverse("web:source_email", args=[shop.source])
    assert "No provider yet" in text_of(client.get(where))
    refused = client.post(where, {"provider": "mailgun", "secret": ""})
    assert refused.status_code == 422
    assert "signs its calls" in text_of(refused)
    shown = client.post(where, {"provider": "mailgun", "secret": "key-1"}, follow=True).content.decode()
    key = selectors.source(shop.source).write_key  # type: ignore[union-attr]
    assert f"/hooks/email/{key}/" in shown
    assert "key-1" not in shown
    assert f"/hooks/email/{key}/" not in signed_in("viewer").get(where).content.decode()
