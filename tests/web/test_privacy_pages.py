"""Pages of privacy: somebody is found, looked at, erased, receipted; identifiers are suppressed and allowed again."""

import io
import json
import zipfile

import pytest
from django.test import Client
from django.urls import reverse

from cdp import erasing
from common import clock
from connectors import services as connectors
from identity import selectors as identity
from privacy import services
from tests.web.conftest import Shop, signed_in, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def steward(shop: Shop) -> Client:
    return signed_in("steward")


def test_a_person_is_found_shown_and_erased_only_when_an_identifier_is_typed(steward: Client, shop: Shop) -> None:
    assert steward.post(reverse("web:privacy"), {"person": "email:nobody@example.org"}).status_code == 422
    found = steward.post(reverse("web:privacy"), {"person": "email:anna@example.org"})
    assert found["Location"] == reverse("web:erase_person", args=[shop.anna])
    shown = text_of(steward.get(found["Location"]))
    assert "Buyers to the mail house (Mail house)" in shown
    wrong = steward.post(found["Location"], {"typed": "ana", "suppress": "on"})
    assert (wrong.status_code, identity.profile_view(shop.anna) is not None) == (422, True)
    asked = steward.post(found["Location"], {"typed": "Anna@example.org", "suppress": "on"})
    assert asked.status_code == 302
    erasing.run_erasures(now=clock.now())
    assert "waits for channels" in text_of(steward.get(asked["Location"]))
    connectors.deliver_due(sync_id=shop.sync, now=clock.now())
    erasing.run_erasures(now=clock.now())
    assert "confirmed" in text_of(steward.get(asked["Location"]))
    receipt = steward.get(asked["Location"] + "receipt/")
    assert services.verify(json.loads(receipt.content))
    assert steward.get(reverse("web:profile", args=[shop.anna])).status_code == 404


def test_a_request_that_no_channel_confirms_is_closed_by_a_person(steward: Client, shop: Shop) -> None:
    connectors.pause_sync(sync_id=shop.sync, by="ann")
    asked = steward.post(reverse("web:erase_person", args=[shop.anna]), {"typed": str(shop.anna)})
    erasing.run_erasures(now=clock.now())
    assert "the sync is paused" in text_of(steward.get(asked["Location"]))
    assert steward.post(asked["Location"] + "close/").status_code == 302
    assert "done" in text_of(steward.get(asked["Location"]))


def test_everything_is_given_only_while_personal_data_is_shown(steward: Client, shop: Shop) -> None:
    address = reverse("web:everything", args=[shop.anna])
    assert steward.get(address).status_code == 302
    steward.post(reverse("web:unmask"), {"reason": "The person asked for it", "next": "/"})
    answer = steward.get(address)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert "anna@example.org" in archive.read("identifiers.json").decode()
    assert len(archive.read("events.ndjson").splitlines()) == 4


def test_an_identifier_is_suppressed_asked_for_and_allowed_again(steward: Client, shop: Shop) -> None:
    address = reverse("web:suppression")
    assert steward.post(address, {"identifier": "ana", "do": "add"}).status_code == 422
    for do in ("add", "ask", "remove"):
        assert steward.post(address, {"identifier": "email:x@example.org", "do": do}).status_code == 302
    told = text_of(steward.get(address))
    assert "Nothing of it is stored from now on." in told
    assert "It is on the list since" in told
    assert "It may be stored again." in told
