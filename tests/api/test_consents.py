"""Purposes, consents and who asks for them, by the API."""

from collections.abc import Callable

import pytest

from common import clock
from connectors import selectors as connectors
from connectors import services as connector_services
from tests.api.conftest import Api, World


@pytest.fixture
def officer(world: World, api: Callable[..., Api]) -> Api:
    world.identify("u1", email="ana@example.org", plan="pro")
    return api("consent:write", "profiles:read", "profiles:pii")


NEWS = {"key": "newsletter", "name": "Newsletter", "text": "Once a month."}


def test_purposes_are_described_and_every_wording_is_kept(officer: Api) -> None:
    assert officer.post("/purposes", NEWS).json()["version"] == 1
    changed = officer.post("/purposes", {**NEWS, "text": "Once a week.", "legal_basis": "consent"}).json()
    assert (changed["version"], changed["text"], changed["legal_basis"]) == (2, "Once a week.", "consent")
    assert [one["key"] for one in officer.get("/purposes").json()["data"]] == ["newsletter"]
    texts = officer.get("/purposes/newsletter/texts").json()["data"]
    assert [(one["version"], one["text"]) for one in texts] == [(2, "Once a week."), (1, "Once a month.")]
    assert officer.get("/purposes/nothing/texts").status_code == 404
    wrong = officer.post("/purposes", {**NEWS, "key": "No Key"})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/key")


def test_what_a_person_said_is_recorded_with_its_evidence(officer: Api, api: Callable[..., Api]) -> None:
    officer.post("/purposes", {**NEWS, "keep_ip": True})
    said = {
        "purpose": "newsletter", "granted": True, "channel": "email", "said_at": "2026-01-02T10:00:00Z",
        "evidence": "Form 12 of Ana", "ip": "203.0.113.9",
    }  # fmt: skip
    answer = officer.post("/profiles/email:ana@example.org/consents", {"consents": [said]})
    assert answer.json() == [
        {"purpose": "newsletter", "channel": "email", "granted": True, "since": "2026-01-02T10:00:00.000Z"}
    ]
    assert officer.get("/profiles/user_id:u1/consents").json()["data"] == answer.json()
    (record,) = officer.get("/profiles/user_id:u1/consents/history").json()["data"]
    shown = {name: record[name] for name in ("identifier", "means", "evidence", "ip", "source_id", "text_version")}
    assert shown == {
        "identifier": "email:ana@example.org", "means": "api", "evidence": "Form 12 of Ana", "ip": "203.0.113.9",
        "source_id": None, "text_version": None,
    }  # fmt: skip
    assert officer.get("/profiles/user_id:u1").json()["traits"]["consent_newsletter.email"] is True
    traits = {one["key"]: one for one in officer.get("/profiles/user_id:u1/traits").json()["data"]}
    assert (traits["consent_newsletter.email"]["source_id"], traits["consent_newsletter.email"]["rule"]) == (
        None, "consent"
    )  # fmt: skip
    (masked,) = api("profiles:read").get("/profiles/user_id:u1/consents/history").json()["data"]
    assert (masked["identifier"], masked["evidence"]) == ("email:a•••@example.org", "•••")
    assert "203.0.113.9" not in masked["ip"]
    assert api("profiles:read").post("/profiles/user_id:u1/consents", {"consents": [said]}).status_code == 403


def test_all_is_recorded_or_nothing_and_the_answer_points_at_what_is_wrong(officer: Api) -> None:
    officer.post("/purposes", NEWS)
    good = {"purpose": "newsletter", "granted": True}
    address = "/profiles/user_id:u1/consents"
    refused = officer.post(address, {"consents": [good, {"purpose": "nothing", "granted": True}]})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/consents/1/purpose")
    assert officer.get(address).json()["data"] == []
    assert officer.post(address, {"consents": [good], "identifier": "email:bob@example.org"}).status_code == 422
    assert officer.post(address, {"consents": [good], "identifier": "email:ana@example.org"}).status_code == 200
    assert officer.post("/profiles/user_id:nobody/consents", {"consents": [good]}).status_code == 404


def test_a_source_asks_for_consent(officer: Api, api: Callable[..., Api], world: World) -> None:
    officer.post("/purposes", NEWS)
    source = connector_services.create_source(name="Shop", kind="web", by="ann", now=clock.now())
    admin = api("admin:*")
    address = f"/sources/{source.id}/consent"
    assert admin.post(address, {"purpose": "nothing"}).status_code == 422
    assert admin.post(address, {"purpose": "newsletter"}).json() == {"purpose": "newsletter"}
    assert api("sync:read").get(address).json() == {"purpose": "newsletter"}
    assert admin.post(address, {"purpose": ""}).json() == {"purpose": ""}
    assert admin.post("/sources/999/consent", {"purpose": ""}).status_code == 404


def test_how_items_of_a_source_are_handled(api: Callable[..., Api], world: World) -> None:
    admin, address = api("admin:*"), f"/sources/{world.source.id}/handling"
    assert admin.get(address).json() == {"ip_kept": "off", "fill_in": True, "robots": "flag", "origins": []}
    wanted = {"ip_kept": "full", "fill_in": False, "robots": "drop", "origins": ["https://Shop.example:8443"]}
    assert admin.post(address, wanted).json() == {**wanted, "origins": ["https://shop.example:8443"]}
    for wrong in ({"ip_kept": "some"}, {"robots": "eat"}, {"origins": ["shop.example"]}, {"origins": ["ftp://x.org"]}):
        assert admin.post(address, {**wanted, **wrong}).status_code == 422
    assert api("sync:read").get(address).json()["robots"] == "drop"
    assert api("sync:read").post(address, wanted).status_code == 403
    assert admin.post("/sources/999/handling", wanted).status_code == 404


def test_a_sync_asks_for_consent_by_a_channel(api: Callable[..., Api], world: World) -> None:
    caller = api("sync:write", "sync:read", "segments:write", "admin:*")
    caller.post("/segments", {"name": "Paying", "rule": {"trait": "plan", "is": "eq", "value": "pro"}})
    drop = caller.post("/destinations", {"kind": "filedrop", "name": "Drop"}).json()["id"]
    made = caller.post(
        "/syncs", {"name": "S", "segment": "paying", "destination_id": drop, "consent": "newsletter"}
    ).json()
    assert (made["consent"], made["consent_channel"]) == ("newsletter", "")
    changed = caller.post(
        f"/syncs/{made['id']}/consent", {"consent": "Newsletter, profiling", "consent_channel": "email"}
    ).json()
    assert (changed["consent"], changed["consent_channel"]) == ("newsletter,profiling", "email")
    found = connectors.sync(int(made["id"]))
    assert found is not None
    assert found.consent_words == "newsletter and profiling by email"
    assert caller.post(f"/syncs/{made['id']}/consent", {"consent": "a b"}).status_code == 422
