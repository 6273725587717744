"""Campaigns by the API: what a program needs to make one, try it, run it, and read what came of it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)
MakeApi = Callable[..., Api]
SPEC: dict[str, Any] = {
    "entry": {"kind": "event", "event": "Signed Up"}, "goal": {"event": "Order Completed", "minutes": 600},
    "steps": [
        {"kind": "wait", "id": "rest", "minutes": 30, "next": "say"},
        {"kind": "trait", "id": "say", "traits": {"greeted": True}},
    ],
}  # fmt: skip


@pytest.fixture
def writer(api: MakeApi) -> Api:
    return api("campaigns:read", "campaigns:write")


def test_one_is_made_validated_tried_started_and_stopped(writer: Api) -> None:
    made = writer.post("/campaigns", {"name": "Hello", "spec": SPEC})
    assert (made.status_code, made.json()["state"], made.json()["changed"]) == (201, "draft", True)
    assert made.json()["draft"]["steps"][0]["minutes"] == 30
    assert writer.post("/campaigns/hello/validate").json() == {"valid": True, "audience": None}
    path = writer.post("/campaigns/hello/simulate", {
        "traits": {"plan": "pro"}, "at": "2026-11-02T08:00:00Z",
        "events": [{"minutes": 10, "event": "Order Completed"}],
    }).json()  # fmt: skip
    assert (path["ended"], path["ended_at"]) == ("goal", "2026-11-02T08:10:00.000Z")
    started = writer.post("/campaigns/hello/start").json()
    assert (started["state"], started["version"], started["changed"]) == ("running", 1, False)
    assert writer.post("/campaigns/hello/start").status_code == 409
    changed = writer.patch("/campaigns/hello", {"spec": {**SPEC, "steps": SPEC["steps"][1:]}}).json()
    assert (changed["version"], changed["changed"]) == (1, True)
    assert writer.post("/campaigns/hello/start").json()["version"] == 2
    assert [one["number"] for one in writer.get("/campaigns/hello/versions").json()["data"]] == [2, 1]
    stopped = writer.post("/campaigns/hello/stop").json()
    assert stopped["stopping"] == {"inside": 0, "waiting": 0, "sent": 0, "passed_acts": 0}
    assert stopped["campaign"]["state"] == "stopped"
    results = writer.get("/campaigns/hello/results").json()
    assert (results["treated"]["entered"], results["difference"]) == (0, None)
    assert writer.get("/campaigns/hello/instances").json()["data"] == []
    assert writer.all("/campaigns")[0]["slug"] == "hello"


def test_what_is_wrong_is_told_by_its_pointer(writer: Api) -> None:
    refused = writer.post("/campaigns", {"name": "X", "spec": {"entry": {"kind": "event", "event": "E"}, "stops": []}})
    assert refused.status_code == 422
    broken = {**SPEC, "steps": [{"kind": "wait", "id": "a", "minutes": 0, "next": "b"}]}
    writer.post("/campaigns", {"name": "Broken", "spec": broken})
    told = {one["pointer"] for one in writer.post("/campaigns/broken/validate").json()["errors"]}
    assert told == {"/steps/0", "/steps/0/minutes"}
    assert writer.get("/campaigns/nothing").status_code == 404


def test_the_examples_are_there_and_reading_needs_its_scope(api: MakeApi, writer: Api) -> None:
    found = writer.get("/campaigns/examples").json()["data"]
    assert [one["slug"] for one in found][:2] == ["welcome", "cart-reminder"]
    assert api("segments:read").get("/campaigns").status_code == 403
    assert api("campaigns:read").post("/campaigns", {"name": "X", "spec": SPEC}).status_code == 403


def test_a_segment_that_a_campaign_asks_for_cannot_be_ended_and_its_start_is_on_the_time_line(api: MakeApi) -> None:
    admin = api("admin:*")
    admin.post("/segments", {"name": "Paying", "rule": {"trait": "plan", "is": "exists"}})
    admin.post("/campaigns", {"name": "Hello", "spec": {**SPEC, "entry": {"kind": "segment", "segment": "paying"}}})
    assert admin.post("/campaigns/hello/start").status_code == 200
    refused = admin.post("/segments/paying/archive")
    assert (refused.status_code, "campaign Hello" in refused.json()["detail"]) == (409, True)
    (told,) = admin.get("/insights/annotations").json()["data"]
    assert (told["kind"], told["text"]) == ("campaign", "Hello, version 1, began")
    admin.post("/campaigns/hello/stop")
    assert admin.post("/segments/paying/archive").status_code == 200
