"""What people do by the links of their messages: leave, choose, click; and what a stranger cannot do with them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.cache import cache
from django.test import Client

from campaigns import services
from campaigns.journeys.sent import message_counts
from campaigns.sending.models import PushSubscription, Send
from campaigns.sending.tokens import click_token, links_of, token_of
from campaigns.sending.tracking import with_clicks
from common import pg
from connectors.sources.models import Source
from events.selectors import events_of
from identity import selectors as identity
from tests.campaigns.sending_world import START, World, queue

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "https://shop.example"


@pytest.fixture(autouse=True)
def _public(settings: LazySettings) -> None:
    settings.PUBLIC_URL = BASE
    cache.clear()


@pytest.fixture
def client() -> Client:
    # As a mail program calls: without a session, and without a token against forged forms.
    return Client(enforce_csrf_checks=True)


def sent(world: World, name: str = "ann", **more: Any) -> int:
    return queue([world.request(world.person(name, phone="+493012345678"), **more)])[0].send_id


def path(send_id: int, which: str) -> str:
    return links_of(send_id)[f"{which}_url"].removeprefix(BASE)


def names(world: World, who: str = "ann") -> list[str]:
    world.drain()
    return [one.name for one in events_of(world.identifiers(world.id_of(who))) if one.name]


def test_one_click_is_a_refusal_by_that_channel_with_evidence_and_holds_at_once(world: World, client: Client) -> None:
    send_id = sent(world)
    where = path(send_id, "unsubscribe")
    assert client.get(where).status_code == 200
    assert queue([world.request(world.id_of("ann"), step="still")])[0].state == "queued"
    answer = client.post(where, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    ann = world.id_of("ann")
    assert queue([world.request(ann, step="after")])[0].reason == "no_consent"
    assert queue([world.request(ann, step="sms", channels=("sms",))])[0].state == "queued"
    record = identity.consent_history(ann)[0]
    assert (record.purpose, record.channel, record.granted) == ("news", "email", False)
    assert (record.evidence, record.by) == (f"One click in a message, message {send_id}", "the person")
    client.post(where)
    assert names(world).count("Unsubscribed") == 1


def test_the_preference_centre_keeps_what_was_ticked_and_shows_no_more_than_a_masked_address(
    world: World, client: Client
) -> None:
    for key, out in (("offers", True), ("tips", False)):
        services.keep_group(
            key=key, name=key.title(), description="", channels=["email"], opt_out=out, by="ann", now=START
        )  # fmt: skip
    where = path(sent(world), "preferences")
    page = client.get(where).content.decode()
    assert "a•••@example.org" in page
    assert not re.search(r"ann@|\+4930", page)
    assert page.count(" checked") == 1
    assert "Your choice is kept" in client.post(where, {"group": ["tips"]}).content.decode()
    traits = identity.profiles_by_id([world.id_of("ann")])[world.id_of("ann")].traits
    assert (traits["consent_offers.email"], traits["consent_tips.email"]) == (False, True)
    client.post(where, {"nothing": "1"})
    assert queue([world.request(world.id_of("ann"), step="x")])[0].reason == "no_consent"
    assert len(identity.consent_history(world.id_of("ann"))) == 5


def test_a_link_leads_where_the_message_said_and_nowhere_else(world: World, client: Client) -> None:
    send_id = sent(world)
    html = with_clicks(
        '<a class="x" href="https://shop.example/sale?a=1&amp;b=2">x</a><img src="https://i.example/x">', send_id
    )
    token = re.findall(r"/m/click/([^\"]+)", html)[0]
    for _ in range(2):
        answer = client.get(f"/m/click/{token}")
        assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/sale?a=1&b=2")
    assert names(world).count("Email Link Clicked") == 1
    for wrong in (token[:-1] + "x", "https://evil.example", click_token(send_id, "javascript:alert(1)")):
        assert client.get(f"/m/click/{wrong}").status_code == 404


def test_an_open_is_told_once_and_a_pixel_comes_for_whatever_token(world: World, client: Client) -> None:
    token = token_of(sent(world), "open")
    for one in (token, token, "nonsense", token_of(10**9, "open")):
        answer = client.get(f"/m/open/{one}")
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/gif")
    assert names(world).count("Email Opened") == 1


def test_results_count_a_message_once_however_often_it_was_opened_and_clicked(world: World, client: Client) -> None:
    rows = [queue([world.request(world.person(name))])[0].send_id for name in ("ann", "ben", "cat")]
    Send.objects.filter(pk__in=rows).update(state="sent")
    ann, ben, _ = rows
    for one in (ann, ann, ben):
        assert client.get(f"/m/open/{token_of(one, 'open')}").status_code == 200
    for url in (f"{BASE}/a", f"{BASE}/b"):
        assert client.get(f"/m/click/{click_token(ann, url)}").status_code == 302
    world.drain()
    with pg.cursor() as cursor:
        [found] = message_counts(cursor, 1)
        assert message_counts(cursor, 2) == ()
    assert (found.step, found.sent, found.opened, found.clicked) == ("hello", 3, 2, 1)


def test_tokens_are_good_for_their_own_use_alone(world: World, client: Client) -> None:
    token = token_of(sent(world), "open")
    for where in (f"/m/leave/{token}", f"/m/choose/{token}", "/m/leave/1~x", f"/m/choose/{token_of(10**9, 'choose')}"):
        assert client.get(where).status_code == 404
        assert client.post(where).status_code == 404
    assert len(identity.consent_history(world.id_of("ann"))) == 1


def test_a_transactional_message_has_nothing_to_unsubscribe_from(world: World, client: Client) -> None:
    send_id = sent(world, message_class="transactional", purpose="")
    assert "nothing to unsubscribe" in client.post(path(send_id, "unsubscribe")).content.decode()


def test_a_browser_subscribes_for_somebody_who_is_known(world: World, client: Client) -> None:
    services.keep_channel("webpush", "vapid", {"contact": "mailto:a@shop.example"}, by="ann", now=START)
    key = Source.objects.get(pk=world.source).write_key
    assert len(client.get(f"/m/push/{key}").json()["publicKey"]) == 87
    world.person("ann")
    keys = {"p256dh": "B" * 87, "auth": "a" * 22}
    told = {"userId": "ann", "subscription": {"endpoint": "https://push.example/1", "keys": keys}}
    for body, status in ((told, 200), (told | {"userId": "nobody"}, 422), (told | {"subscription": {}}, 422)):
        answer = client.post(f"/m/push/{key}", body, content_type="application/json")
        assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (status, "*")
    assert "push.example" not in PushSubscription.objects.get().secret
    assert client.post("/m/push/wrong", told, content_type="application/json").status_code == 404


def test_nothing_of_somebody_erased_can_be_reached_by_a_link(world: World, client: Client) -> None:
    from cdp.scanning import scan

    send_id = sent(world)
    world.policy()
    from cdp import erasing
    from common import clock
    from privacy import services as privacy

    privacy.request_erasure(profile_id=world.id_of("ann"), by="ann", now=clock.now())
    erasing.run_erasures(now=clock.now() + timedelta(seconds=1))
    assert not Send.objects.exists()
    assert client.get(path(send_id, "preferences")).status_code == 404
    assert not [one for one in scan(["ann@example.org", "+493012345678"]) if one.place.startswith("table campaigns")]
