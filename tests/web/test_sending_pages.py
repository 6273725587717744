"""The page of what holds for all messages, and the pages of channels."""

import pytest
from django.test import Client

from campaigns import selectors
from campaigns.contracts import Cap
from common import clock
from tests.web.conftest import Shop, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
POLICY = {"form": "policy", "quiet_from": "21:00", "quiet_until": "08:00", "zone": "UTC", "holdout": "0"}


def caps() -> tuple[Cap, ...]:
    return selectors.sending_policy(now=clock.now()).caps


def keep(client: Client, **rows: str) -> int:
    return client.post("/messages/sending/", {**POLICY, **rows}).status_code


def test_caps_are_rows_that_are_changed_added_and_emptied(shop: Shop) -> None:
    client = signed_in("marketer")
    page = client.get("/messages/sending/")
    shown = [{part: field.value() for part, field in row.items()} for row in page.context["caps"].rows()]
    assert [(row["most"], row["length"], row["unit"]) for row in shown] == [(4, 7, "days"), (None,) * 3, (None,) * 3]
    more = {"cap-1-most": "1", "cap-1-channel": "sms", "cap-1-message_class": "", "cap-1-length": "36"}
    assert keep(client, **{
        "cap-0-most": "3", "cap-0-message_class": "marketing", "cap-0-channel": "", "cap-0-length": "2",
        "cap-0-unit": "days", "cap-1-unit": "hours", "cap-2-most": "", "cap-2-unit": "hours", **more,
    }) == 302  # fmt: skip
    assert caps() == (Cap("", "marketing", 3, 48), Cap("sms", "", 1, 36))
    assert keep(client, **{"cap-0-most": "", "cap-0-length": ""}) == 302
    assert caps() == ()


def test_half_a_cap_is_told_and_nothing_is_kept(shop: Shop) -> None:
    client, before = signed_in("marketer"), caps()
    for half in ({"cap-0-most": "3"}, {"cap-0-most": "", "cap-0-length": "2"}, {"cap-0-most": "0"}):
        assert keep(client, **half) == 422
    assert caps() == before


def test_a_channel_is_told_how_many_it_may_send_a_second(shop: Shop) -> None:
    client, where = signed_in("admin"), "/messages/sending/email/"
    given = {"provider": "console", "sender": "Shop <news@example.org>"}
    assert client.post(where, {**given, "per_second": "0.5"}).status_code == 302
    assert "at most 0.5 a second" in client.get("/messages/sending/").content.decode()
    assert 'value="0.5"' in client.get(where).content.decode()
    refused = client.post(where, {**given, "per_second": "0.01"})
    assert (refused.status_code, list(refused.context["form"].errors)) == (422, ["per_second"])
    assert client.post(where, {**given, "per_second": ""}).status_code == 302
    assert [one.per_second for one in selectors.channel_views() if one.channel == "email"] == [None]


def test_a_message_names_the_campaign_that_asked_for_it_and_the_person(shop: Shop) -> None:
    found = signed_in("admin").get(f"/messages/sent/{shop.sent}/").content.decode()
    assert "the API" in found
    assert f"Profile {shop.anna}" not in found
