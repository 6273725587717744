"""Slots on the API and in browsers: who may ask what, and what is told."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings

from campaigns import services
from cdp.personal import PATH, Personal
from connectors.services import create_source, keep_handling
from tests.api.conftest import Api, World
from tests.ingestion.client import Caller

pytestmark = pytest.mark.django_db(transaction=True)
DOCUMENT: dict[str, Any] = {
    "default": {"title": "Hello"}, "fields": ["title"], "contents": [{"key": "pro", "fields": {"title": "Pro"}}],
    "rules": [{"name": "Pro people", "when": {"rule": {"trait": "plan", "is": "eq", "value": "pro"}},
               "show": {"contents": ["pro"]}}],
}  # fmt: skip


@pytest.fixture(autouse=True)
def _forget(transactional_db: None) -> Iterator[None]:
    """What this process knows of the slots is of the test before."""
    from campaigns.personalise import deciding

    deciding._decider.cache_clear()
    yield
    services.let_go()
    deciding._decider.cache_clear()


@pytest.fixture
def door() -> Iterator[Caller]:
    told: list[int] = []
    app = Personal(nudge=lambda: told.append(1), salt="s")
    yield Caller(app)
    app.close()


def test_a_slot_is_made_asked_changed_and_brought_back(world: World, api: Callable[..., Api]) -> None:
    world.identify("u1", plan="pro")
    writer, asker = api("slots:read", "slots:write"), api("personalise")
    made = writer.post("/slots", {"name": "Banner", "document": DOCUMENT})
    assert (made.status_code, made["Location"]) == (201, "/api/v1/slots/banner")
    asked = {"identifiers": ["anonymous_id:nobody", "user_id:u1"], "slots": ["banner", "no-such-slot"]}
    [found] = asker.post("/personalise", asked).json()["data"]
    assert (found["content"], found["reason"], found["fallback"], found["rule"]) == (
        {"title": "Pro"}, "rule", False, "Pro people",
    )  # fmt: skip
    assert found["why"].startswith("Pro people: ")
    unknown = asker.post("/personalise", {"identifiers": [], "slots": ["banner"]}).json()["data"][0]
    assert (unknown["content"], unknown["reason"], unknown["fallback"]) == ({"title": "Hello"}, "unknown_person", True)
    stale = writer.patch("/slots/banner", {"document": {**DOCUMENT, "rules": []}, "version": 7})
    assert (stale.status_code, stale.json()["errors"][0]["pointer"]) == (422, "/version")
    assert writer.patch("/slots/banner", {"document": {**DOCUMENT, "rules": []}, "version": 1}).json()["version"] == 2
    assert writer.post("/slots/banner/restore", {"version": 1}).json()["version"] == 3
    assert [one["version"] for one in writer.get("/slots/banner/versions").json()["data"]] == [3, 2, 1]
    wrong = writer.post("/slots", {"name": "X", "document": {"default": {"a": "<script>"}, "fields": ["a"]}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/default/a")
    assert writer.post("/slots", {"name": "X", "document": 7}).status_code == 422
    assert asker.get("/slots").status_code == 403
    assert writer.post("/personalise", asked).status_code == 403
    assert asker.post("/personalise", {**asked, "identifiers": ["nonsense"]}).status_code == 422
    assert writer.delete("/slots/banner").status_code == 204
    assert writer.get("/slots/banner").status_code == 404


def test_a_bandit_and_a_holdout_are_made_by_the_api(transactional_db: None, api: Callable[..., Api]) -> None:
    client = api("slots:read", "slots:write", "experiments:write", "experiments:read")
    arms = [{"key": "a", "name": "A"}, {"key": "b", "name": "B"}]
    made = client.post("/bandits", {"name": "Hue", "arms": arms, "reward": "Order Completed", "depends_on": [
        {"key": "device", "of": "context", "values": ["mobile"]},
    ]})  # fmt: skip
    assert made.status_code == 201, made.json()
    assert client.patch("/bandits/hue", {"explore": 0.2, "running": False}).json()["running"] is False
    report = client.get("/bandits/hue/report").json()
    assert (report["arms"], report["regret"]["shown"]) == ([], 0)
    assert client.post("/bandits", {"name": "Hue", "arms": arms, "reward": "X"}).status_code == 422
    metric = {"name": "Orders", "kind": "conversion", "event": "Order Completed"}
    holdout = client.post("/holdouts", {"name": "Everything", "percent": 5, "metrics": [metric]})
    assert (holdout.status_code, holdout.json()["kind"]) == (201, "holdout")
    assert client.post("/holdouts", {"name": "E", "percent": 90, "metrics": [metric]}).status_code == 422


def ask(door: Caller, key: str, *, visitor: str = "device-1", slots: Any = ("banner",), **headers: str) -> Any:
    body = {"writeKey": key, "anonymousId": visitor, "slots": list(slots)}
    return door("POST", PATH, json.dumps(body).encode(), headers=headers)


def test_a_browser_gets_the_content_of_public_slots_of_its_site_and_nothing_else(world: World, door: Caller) -> None:
    world.play({"type": "identify", "userId": "u1", "anonymousId": "device-1", "traits": {"plan": "pro"}})
    site, other = (create_source(name=name, kind="web", by="ann") for name in ("Site", "Other"))
    services.create_slot(
        name="Banner", document={**DOCUMENT, "public": True, "sources": [site.id]}, by="ann", now=site.created_at
    )
    services.create_slot(name="Inside", document=DOCUMENT, by="ann", now=site.created_at)
    found = ask(door, site.write_key, slots=["banner", "inside", "no"])
    assert found.json == {"slots": {"banner": {"content": {"title": "Pro"}, "fallback": False}}}
    assert found.headers["Access-Control-Allow-Origin"] == "*"
    assert found.headers["Cache-Control"] == "no-store"
    unknown = ask(door, site.write_key, visitor="device-2").json
    assert unknown == {"slots": {"banner": {"content": {"title": "Hello"}, "fallback": True}}}
    assert ask(door, other.write_key).json == {"slots": {}}
    assert (ask(door, "no-key").status, ask(door, "no-key").json["code"]) == (401, "invalid_write_key")
    assert door("OPTIONS", PATH, b"").status == 204
    assert door("GET", PATH, b"").status == 405
    for odd in (b"", b"{", b"[]", b'{"writeKey": 7}', b"x" * 20_000):
        assert door("POST", PATH, odd).status == 400


def test_a_site_that_lists_its_websites_is_answered_to_them_alone(world: World, door: Caller) -> None:
    site = create_source(name="Site", kind="web", by="ann")
    keep_handling(
        source_id=site.id, ip_kept="off", fill_in=True, robots="flag", origins=["https://shop.example"], by="ann"
    )
    assert ask(door, site.write_key, origin="https://evil.example").status == 403
    assert ask(door, site.write_key, origin="https://shop.example").status == 200


def test_an_address_that_asks_too_often_waits(world: World, door: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDP_VISITOR_REQUESTS_PER_MINUTE", "3")
    site = create_source(name="Site", kind="web", by="ann")
    found = [ask(door, site.write_key) for _ in range(5)]
    assert [one.status for one in found] == [200, 200, 200, 429, 429]
    assert int(found[-1].headers["Retry-After"]) > 0
    assert settings.REDIS_URL
