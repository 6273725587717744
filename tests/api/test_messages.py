"""Messages over the API: a template is written and previewed; one message is sent, followed and taken back."""

import json
from collections.abc import Callable, Iterator

import pytest
from django.conf import LazySettings

from campaigns import services
from common import clock
from tests.api.conftest import Api
from tests.campaigns.sending_world import CONTENTS, World
from tests.connectors.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db(transaction=True)
CODE = {"webhook": {"en": {"body": '{"to": "{{ profile.first_name }}", "code": "{{ code }}"}'}}}


@pytest.fixture
def world(transactional_db: None) -> Iterator[World]:
    made = World()
    yield made
    made.close()


@pytest.fixture
def hook(settings: LazySettings) -> Iterator[Receiver]:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with receiving() as made:
        yield made


def test_a_code_is_sent_once_however_often_it_is_asked_for(
    world: World, hook: Receiver, api: Callable[..., Api]
) -> None:
    writer, sender = api("messages:write", "messages:read"), api("messages:send", "messages:read")
    world.person("ann")
    assert writer.post("/sending/channels/webhook", {
        "provider": "webhook", "settings": {"url": hook.url, "secret": "quiet words, quite a few of them"},
    }).json()["secrets"] == ["secret"]  # fmt: skip
    made = writer.post("/templates", {"name": "Code", "message_class": "transactional", "contents": CODE})
    assert made.status_code == 201, made.json()
    asked = {"template": "code", "profile": "user_id:ann", "key": "login-1", "variables": {"code": "4711"}}
    assert sender.post("/messages/send", asked).status_code == 422
    assert writer.post("/templates/code/publish", {"version": 1}).json()["live"] == 1
    first, again = sender.post("/messages/send", asked), sender.post("/messages/send", asked)
    assert (first.status_code, first.json()["state"], again.json()["existing"]) == (202, "queued", True)
    assert first.json()["id"] == again.json()["id"]
    services.send_due("webhook", now=clock.now(), suppressed=lambda _: set())
    assert [json.loads(call.body) for call in hook.calls] == [{"to": "ann", "code": "4711"}]
    found = sender.get(first.headers["Location"].removeprefix("/api/v1")).json()
    assert (found["state"], found["origin"], found["instance"]) == ("sent", "api", "login-1")
    assert sender.post(f"/messages/{found['id']}/cancel").status_code == 409


def test_what_waits_can_be_cancelled_and_the_ledger_is_listed_by_reason(world: World, api: Callable[..., Api]) -> None:
    sender = api("messages:send", "messages:read")
    world.person("ann", consents=False)
    asked = {"template": "news", "profile": "user_id:ann", "purpose": "news", "channels": ["email"]}
    assert sender.post("/messages/send", asked).json()["reason"] == "no_consent"
    assert sender.post("/messages/send", asked | {"purpose": ""}).status_code == 409
    plain = asked | {"message_class": "transactional", "purpose": "", "not_before": "2030-01-01T00:00:00Z"}
    waiting = sender.post("/messages/send", plain).json()
    assert sender.post(f"/messages/{waiting['id']}/cancel").json()["state"] == "cancelled"
    assert [one["reason"] for one in sender.all("/messages?reason=no_consent")] == ["no_consent"]
    assert len(sender.all("/messages?state=cancelled&channel=email")) == 1
    assert api("messages:read").post("/messages/send", plain).status_code == 403


def test_a_version_never_changes_and_a_preview_tells_what_is_missing(world: World, api: Callable[..., Api]) -> None:
    writer = api("messages:write", "messages:read")
    world.person("ann")
    other = {"contents": {"sms": {"en": {"body": "Hi {{ profile.first_name }} {{ profile.city }}"}}}, "language": "en"}
    assert writer.post("/templates/news/versions", other).json()["number"] == 2
    assert [one["number"] for one in writer.all("/templates/news/versions", limit=1)] == [2, 1]
    assert writer.get("/templates/news").json()["live"] == 1
    shown = writer.post("/templates/news/preview", {"channel": "sms", "profile": "user_id:ann"}).json()
    assert (shown["content"], shown["missing"]) == ({"body": "Hi a••• "}, ["profile.city"])
    seer = api("messages:read", "profiles:pii")
    clear = seer.post("/templates/news/preview", {"channel": "sms", "profile": "user_id:ann"}).json()
    assert clear["content"]["body"] == "Hi ann "


def test_what_is_wrong_is_told_by_pointer(world: World, api: Callable[..., Api]) -> None:
    writer = api("messages:write", "messages:read")
    mails = {"email": {"en": {"subject": "x", "body": "no way out"}}}
    cases = [
        ({"name": "A", "message_class": "marketing", "contents": mails}, "/contents/email/en/body"),
        ({"name": "A", "message_class": "transactional", "contents": {"fax": {}}}, "/contents/fax"),
        ({"name": "A", "message_class": "transactional", "contents": {"sms": {"en": {"body": "{% if"}}}},
         "/contents/sms/en/body"),
        ({"name": "News", "message_class": "marketing", "contents": CONTENTS}, "/name"),
    ]  # fmt: skip
    for given, pointer in cases:
        answer = writer.post("/templates", given)
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"] == pointer
    wrong = writer.patch("/sending/policy", {"caps": [{"most": 0, "hours": 1}]})
    assert wrong.status_code == 422
    assert writer.patch("/sending/policy", {"zone": "Mars/Base"}).json()["errors"][0]["pointer"] == "/zone"
    changed = writer.patch("/sending/policy", {"caps": [{"most": 2, "hours": 24}], "quiet_from": 60}).json()
    assert changed["caps"] == [{"channel": "", "message_class": "", "most": 2, "hours": 24}]


def test_in_app_messages_are_fetched_by_identifier(world: World, api: Callable[..., Api]) -> None:
    sender = api("messages:send", "messages:read")
    world.person("ann")
    asked = {
        "template": "news", "profile": "user_id:ann", "purpose": "", "channels": ["inapp"],
        "message_class": "transactional",
    }  # fmt: skip
    sender.post("/messages/send", asked)
    services.send_due("inapp", now=clock.now(), suppressed=lambda _: set())
    (message,) = sender.post("/messages/inbox", {"identifier": "user_id:ann"}).json()["data"]
    assert (message["title"], message["body"]) == ("Hello ann", "")
    assert sender.post("/messages/inbox", {"identifier": "user_id:nobody"}).json()["data"] == []


def test_groups_and_channels_are_kept_over_the_api(world: World, api: Callable[..., Api]) -> None:
    writer = api("messages:write", "messages:read")
    group = {"key": "tips", "name": "Tips", "description": "", "channels": ["email"], "opt_out": True}
    assert writer.post("/subscription-groups", group).json() == group
    assert writer.get("/subscription-groups").json()["data"] == [group]
    assert writer.post("/sending/channels/email/pause").json()["paused"] is True
    assert writer.post("/sending/channels/email/resume").json()["paused"] is False
    assert writer.post("/sending/channels/fax/pause").status_code == 404
    console = {"provider": "console", "settings": {"sender": "Shop <news@shop.example>"}}
    # A rate that is left out stays.
    paces = [
        writer.post("/sending/channels/email", {**console, **more}).json()["per_second"]
        for more in ({"per_second": 2.5}, {}, {"per_second": None})
    ]
    assert paces == [2.5, 2.5, None]
    fast = writer.post("/sending/channels/email", {**console, "per_second": 20_000})
    assert [one["pointer"] for one in fast.json()["errors"]] == ["/per_second"]
    wrong = writer.post("/sending/channels/sms", {"provider": "twilio", "settings": {"account_sid": "AC1"}})
    assert [one["pointer"] for one in wrong.json()["errors"]] == ["/settings/auth_token", "/settings/sender"]
