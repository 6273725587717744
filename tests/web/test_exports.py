"""Files of a segment on its page."""

import pytest
from django.test import Client
from django.urls import reverse

from common import clock
from common.models import AuditEntry
from connectors import selectors, services
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db(transaction=True)


def asked(client: Client, shop: Shop, **form: str) -> str:
    page = client.post(
        reverse("web:segment_exports", args=[shop.segment]), {"format": "csv", **form}, follow=True
    )  # fmt: skip
    assert page.status_code == 200
    services.write_exports(now=clock.now())
    (export, *_) = selectors.exports(segment_id=shop.segment)
    return reverse("web:export_file", args=[export.id])


def test_a_marketer_gets_a_masked_file(shop: Shop) -> None:
    client = signed_in("marketer")
    where = asked(client, shop, columns="identifiers.email", personal="on")
    file = b"".join(client.get(where).streaming_content).decode()
    assert "a•••@" in file
    assert "anna" not in file
    assert "ready" in text_of(client.get(reverse("web:segment_exports", args=[shop.segment])))
    assert AuditEntry.objects.filter(action="export.downloaded").count() == 1


def test_a_file_with_personal_data_is_made_and_taken_only_while_it_is_shown(shop: Shop) -> None:
    client = signed_in("steward")
    client.post(reverse("web:unmask"), {"reason": "A campaign by post", "next": "/"})
    where = asked(client, shop, columns="identifiers.email", personal="on")
    assert "anna" in b"".join(client.get(where).streaming_content).decode()
    client.post(reverse("web:mask"))
    refused = client.get(where)
    assert refused.status_code == 302
    assert refused["Location"].startswith(reverse("web:unmask"))
    assert signed_in("marketer").get(where).status_code == 302


def test_columns_that_are_not_there_are_told_beside_their_field(shop: Shop) -> None:
    client = signed_in("marketer")
    page = client.post(reverse("web:segment_exports", args=[shop.segment]), {"format": "csv", "columns": "password"})
    assert page.status_code == 422
    assert "No such columns: password" in text_of(page)
