"""Cleaning rules, figures and alerts by the API."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from common import clock
from quality import services
from quality.figures.models import QualityAlert
from tests.api.conftest import Api, World


@pytest.fixture
def admin(world: World, api: Callable[..., Api]) -> Api:
    return api("admin:*", "profiles:read")


def _age(**more: object) -> dict[str, object]:
    return {"name": "Age", "path": "/age", "kind": "range", "settings": {"least": "18"}, **more}


def test_a_rule_is_tried_written_switched_ordered_and_deleted(admin: Api, world: World) -> None:
    world.play({"type": "track", "event": "Joined", "userId": "u1", "properties": {"age": 7}})
    tried = admin.post("/cleaning-rules/try", _age()).json()
    assert (tried["looked_at"], tried["counts"], tried["samples"][0]["before"]) == (1, {"flagged": 1}, "7")
    refused = admin.post("/cleaning-rules", _age(settings={"least": "x"}))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/least")
    made = admin.post("/cleaning-rules", _age())
    assert made.status_code == 201
    where = f"/cleaning-rules/{made.json()['id']}"
    other = admin.post("/cleaning-rules", _age(name="Size", path="/size")).json()
    assert admin.patch(f"/cleaning-rules/{other['id']}", {"position": 1, "state": "on"}).json()["position"] == 1
    assert admin.patch(where, {"position": 9}).status_code == 422
    assert [one["definition"]["name"] for one in admin.all("/cleaning-rules")] == ["Size", "Age"]
    assert admin.post(where, _age(then="review")).json()["version"] == 2
    assert admin.patch(where, {"version": 1}).json()["definition"]["then"] == "flag"
    assert admin.delete(where).status_code == 204
    assert admin.get(where).status_code == 404


def test_a_rule_over_several_properties_is_tried_and_written(admin: Api, world: World) -> None:
    stays = [
        {"from": "2026-03-02", "to": day, "at": land}
        for day, land in (("2026-03-01", "DE"), ("2026-03-03", "DE"), ("2026-03-01", "FR"))
    ]
    world.play(*({"type": "track", "event": "Booked", "userId": "u1", "properties": stay} for stay in stays))
    rule = {
        "name": "Stay", "path": "/to", "kind": "compare",
        "settings": {"of": "date", "relation": "at_least", "other": "/from"},
        "when": {"path": "/at", "relation": "is", "values": ["DE"]},
    }  # fmt: skip
    assert admin.post("/cleaning-rules/try", rule).json()["counts"] == {"flagged": 1}
    made = admin.post("/cleaning-rules", rule).json()
    assert made["definition"]["when"] == rule["when"]
    assert made["says"].endswith("is not before /from where /at is DE. Other values are let in and counted.")
    refused = admin.post("/cleaning-rules", {**rule, "when": {"path": "at", "values": ["DE"]}})
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/when/path")


def test_a_value_is_decided_about_and_what_rules_did_is_told(admin: Api, world: World) -> None:
    made = admin.post("/cleaning-rules", _age(then="review")).json()
    admin.patch(f"/cleaning-rules/{made['id']}", {"state": "on"})
    world.play({"type": "track", "event": "Joined", "userId": "u1", "properties": {"age": 7}})
    (one,) = admin.get("/value-reviews").json()["data"]
    assert (one["value"], one["pointer"], one["rule_id"]) == (7, "/properties/age", made["id"])
    assert admin.post(f"/value-reviews/{one['id']}", {"verdict": "corrected", "value": 8}).status_code == 422
    settled = admin.post(f"/value-reviews/{one['id']}", {"verdict": "corrected", "value": 41})
    assert settled.json()["state"] == "corrected"
    assert admin.get("/value-reviews").json()["data"] == []
    effects = admin.all(f"/cleaning-rules/effects?rule_id={made['id']}")
    assert {told["outcome"] for told in effects} == {"review"}


def test_rates_and_lists_are_kept(admin: Api) -> None:
    kept = admin.post("/exchange-rates", {"content": "Date,USD\n2026-01-05,1.1\n"}).json()
    assert (kept["currencies"], kept["last"]) == (1, "2026-01-05")
    assert admin.post("/exchange-rates", {"content": "nothing"}).status_code == 422
    assert admin.post("/reference-lists", {"slug": "shops", "values": ["a", "b"]}).json()["size"] == 2
    assert [one["slug"] for one in admin.all("/reference-lists")] == ["shops"]


def test_figures_fill_and_alerts_are_told_and_acknowledged(admin: Api, world: World) -> None:
    world.play({"type": "track", "event": "Joined", "userId": "u1", "properties": {"age": 7, "note": ""}})
    (one,) = admin.get("/quality/figures?event=Joined").json()["data"]
    assert (one["volume"], one["validity"], one["fill"]) == (1, None, 0.5)
    assert {told["path"]: told["share"] for told in admin.all("/quality/fill")} == {"/age": 1.0, "/note": 0.0}
    now = clock.now()
    row = QualityAlert.objects.create(
        kind="not_fresh", source_id=1, name="Joined", day=now.date(), told="No event for 30 hours.", opened_at=now
    )
    assert [told["event"] for told in admin.all("/quality/alerts")] == ["Joined"]
    where = f"/quality/alerts/{row.pk}/acknowledge"
    assert admin.post(where).json()["state"] == "acknowledged"
    assert admin.post(where).status_code == 404
    assert admin.get("/quality/alerts?state=acknowledged").json()["data"][0]["settled_by"]


def test_personal_data_is_blocked_and_reports_are_told(admin: Api, world: World) -> None:
    source = admin.post("/sources", {"name": "Till", "kind": "server"}).json()
    where = f"/sources/{source['id']}/personal-data"
    assert admin.post("/sources/999999/personal-data", {"email": "mask"}).status_code == 404
    assert admin.post(where, {"email": "mask"}).json()["email"] == "mask"
    assert admin.get(where).json() == {"email": "mask", "phone": "allow", "card": "allow", "ip": "allow"}
    assert admin.post("/plan", {"name": "Joined", "status": "accepted", "schema": {}, "owner": "bo"}).status_code == 200
    services.write_reports(now=clock.now() + timedelta(days=32))
    (report,) = admin.get("/plan/reports").json()["data"]
    assert (report["owner"], report["events"][0]["event"]) == ("bo", "Joined")
