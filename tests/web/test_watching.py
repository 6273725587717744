"""The watched place of a source on its page."""

import pytest
from django.urls import reverse

from connectors import selectors
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_place_is_set_up_and_paused(shop: Shop) -> None:
    client = signed_in("steward")
    where = reverse("web:source_watch", args=[shop.source])
    assert "No place is watched" in text_of(client.get(where))
    assert "Access key id" in text_of(client.get(f"{where}?place=s3"))
    refused = client.post(where, {"s-folder": "../up", "s-pattern": "*", "every_minutes": "10"})
    assert refused.status_code == 422
    client.post(where, {"s-folder": "crm", "s-pattern": "*.csv", "every_minutes": "10"})
    found = selectors.watch(shop.source)
    assert found is not None
    assert (found.place, found.settings["pattern"], found.every_minutes) == ("folder", "*.csv", 10)
    client.post(where, {"do": "pause"})
    assert not selectors.watch(shop.source).enabled  # type: ignore[union-attr]
    assert "paused" in text_of(client.get(where))
    client.post(where, {"do": "resume"})
    assert selectors.watch(shop.source).enabled  # type: ignore[union-attr]
