"""Segments: made, read, changed by two at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from common import clock
from segments import services as segment_services
from tests.api.conftest import Api, World

PRO = {"trait": "plan", "is": "eq", "value": "pro"}
FREE = {"trait": "plan", "is": "eq", "value": "free"}


@pytest.fixture
def marketer(world: World, api: Callable[..., Api]) -> Api:
    for number in range(4):
        world.identify(f"u{number}", plan="pro" if number % 2 else "free")
    return api("profiles:read", "segments:read", "segments:write")


def test_a_new_segment_has_its_members_at_once_and_follows_the_data(marketer: Api, world: World) -> None:
    made = marketer.post("/segments", {"name": "Paying", "rule": PRO})
    assert made.status_code == 201
    assert made.json()["slug"] == "paying"
    assert made.json()["size"] == 2
    assert made.headers["Location"] == f"/api/v1/segments/{made.json()['id']}"
    assert marketer.get("/segments/paying").json() == made.json()
    world.identify("u0", plan="pro")
    assert marketer.get("/segments/paying").json()["size"] == 3
    assert [one["slug"] for one in marketer.get("/profiles/user_id:u0/segments").json()["data"]] == ["paying"]


def test_a_change_needs_the_present_state_and_stale_ones_are_refused(marketer: Api) -> None:
    made = marketer.post("/segments", {"name": "Paying", "rule": PRO})
    address, tag = f"/segments/{made.json()['id']}", made.headers["ETag"]
    assert marketer.patch(address, {"rule": FREE}).status_code == 428
    changed = marketer.patch(address, {"rule": FREE, "description": "who pays nothing"}, If_Match=tag)
    assert changed.status_code == 200
    assert changed.json()["version"] == 2
    assert changed.json()["description"] == "who pays nothing"
    stale = marketer.patch(address, {"name": "Other"}, If_Match=tag)
    assert stale.status_code == 412
    assert marketer.patch(address, {"name": "Other"}, If_Match="W/" + changed.headers["ETag"]).status_code == 412
    assert marketer.patch(address, {"name": "Other"}, If_Match=changed.headers["ETag"]).json()["name"] == "Other"
    assert marketer.patch(address, {"name": "Any"}, If_Match="*").status_code == 200


def test_members_who_come_do_not_make_an_edit_stale_but_the_answer_is_new(marketer: Api, world: World) -> None:
    made = marketer.post("/segments", {"name": "Paying", "rule": PRO})
    address, tag = f"/segments/{made.json()['id']}", made.headers["ETag"]
    assert marketer.get(address, If_None_Match=tag).status_code == 304
    world.identify("u0", plan="pro")
    assert marketer.get(address, If_None_Match=tag).status_code == 200
    assert marketer.patch(address, {"rule": FREE}, If_Match=tag).status_code == 200


def test_of_many_who_edit_at_once_one_wins(marketer: Api) -> None:
    made = marketer.post("/segments", {"name": "Paying", "rule": PRO})

    def edit(number: int) -> int:
        try:
            holder = Api(marketer.token, marketer.token_id)
            address = f"/segments/{made.json()['id']}"
            return holder.patch(address, {"name": f"Name {number}"}, If_Match=made.headers["ETag"]).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(edit, range(8)))
    assert sorted(statuses) == [200] + [412] * 7


@pytest.mark.parametrize(
    ("rule", "pointer"),
    [
        ({"trait": "plan", "is": "resembles", "value": 1}, "/rule"),
        ({"all": [PRO, {"any": [{"what": 1}]}]}, "/rule/all/1/any/0"),
        ("text", "/rule"),
        (None, "/rule"),
    ],
)
def test_a_rule_that_cannot_be_used_is_pointed_at(marketer: Api, rule: object, pointer: str) -> None:
    for answer in (
        marketer.post("/segments", {"name": "X", "rule": rule}),
        marketer.post("/segments/preview", {"rule": rule}),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert marketer.get("/segments").json()["data"] == []


def test_a_slug_that_is_taken_is_a_conflict(marketer: Api) -> None:
    marketer.post("/segments", {"name": "Paying", "rule": PRO})
    assert marketer.post("/segments", {"name": "Paying", "rule": PRO}).status_code == 409


def test_a_preview_counts_and_stores_nothing(marketer: Api) -> None:
    answer = marketer.post("/segments/preview", {"rule": PRO}).json()
    assert answer["count"] == 2
    assert len(answer["sample"]) == 2
    assert marketer.get("/segments").json()["data"] == []


def test_segments_are_filtered_and_paged(marketer: Api) -> None:
    for name in ("Paying", "Payed once", "Free"):
        marketer.post("/segments", {"name": name, "rule": PRO})
    assert [one["name"] for one in marketer.all("/segments", limit=1)] == ["Paying", "Payed once", "Free"]
    assert [one["name"] for one in marketer.all("/segments?name=PAY", limit=1)] == ["Paying", "Payed once"]
    assert [one["name"] for one in marketer.all("/segments?slug=free")] == ["Free"]
    assert marketer.all("/segments?archived=true") == []
    assert marketer.get("/segments?archived=maybe").status_code == 422


def test_a_rule_is_given_as_text_too_and_read_back(marketer: Api) -> None:
    text = 'plan = "pro" or count("Order Completed" in last 30 days) >= 3'
    made = marketer.post("/segments", {"name": "Paying", "rule_text": text, "tags": ["money"], "owner": "bo"})
    assert made.status_code == 201
    assert (made.json()["rule_text"], made.json()["size"], made.json()["tags"]) == (text, 2, ["money"])
    again = marketer.post("/segments", {"name": "Again", "rule": made.json()["rule"]}).json()
    assert again["rule_text"] == text
    assert [one["slug"] for one in marketer.get("/segments?tag=money").json()["data"]] == ["paying"]
    wrong = marketer.post("/segments", {"name": "Wrong", "rule_text": "plan = "})
    assert (wrong.status_code, wrong.json()["type"].rstrip("/").rsplit("/", 1)[-1]) == (422, "invalid-rule")
    assert "Line 1, column 7" in wrong.json()["detail"]
    assert marketer.post("/segments", {"name": "None"}).status_code == 422
    assert marketer.post("/segments", {"name": "Both", "rule": PRO, "rule_text": text}).status_code == 422


def test_a_preview_tells_which_condition_decides(marketer: Api) -> None:
    found = marketer.post("/segments/preview", {"rule_text": 'plan = "pro" and city is set'}).json()
    assert found["count"] == 0
    assert [one["people"] for one in found["conditions"]] == [2, 0]
    assert marketer.post("/segments/preview", {"rule": PRO}).json()["reach"] == {"user_id": 2}


def test_versions_are_compared_and_brought_back(marketer: Api) -> None:
    made = marketer.post("/segments", {"name": "Paying", "rule": PRO})
    before = marketer.get("/segments/paying/members").json()["version"]
    marketer.patch("/segments/paying", {"rule": FREE}, If_Match="*")
    found = marketer.get(f"/segments/paying/difference?after={before}").json()
    assert (found["entered"], found["exited"]) == (2, 2)
    assert len(found["some_entered"]) == 2
    back = marketer.post("/segments/paying/restore", {"version": 1})
    assert (back.status_code, back.json()["version"], back.json()["rule"]) == (200, 3, PRO)
    whole = marketer.get(f"/segments/paying/difference?after={before}").json()
    assert (whole["entered"], whole["exited"]) == (0, 0)
    assert marketer.post("/segments/paying/restore", {"version": 9}).status_code == 404
    assert made.json()["id"] == back.json()["id"]


def test_a_segment_that_others_refer_to_is_not_ended(marketer: Api) -> None:
    marketer.post("/segments", {"name": "Paying", "rule": PRO})
    marketer.post("/segments", {"name": "Below", "rule_text": "segment paying"})
    refused = marketer.post("/segments/paying/archive")
    assert refused.status_code == 409
    assert "below" in refused.json()["detail"]
    assert marketer.post("/segments/below/archive").status_code == 200
    assert marketer.post("/segments/paying/archive").json()["archived_at"]
    assert marketer.post("/segments/paying/archive").status_code == 409


def test_overlaps_and_findings_are_told(marketer: Api) -> None:
    marketer.post("/segments", {"name": "Paying", "rule": PRO})
    marketer.post("/segments", {"name": "Same", "rule": {"all": [PRO]}})
    (pair,) = marketer.get("/segments/overlaps").json()["data"]
    assert (pair["people"], pair["share"]) == (2, 1.0)
    assert {one["code"] for one in marketer.get("/segments/findings").json()["data"]} == {"unused", "same_people"}


def test_people_are_put_on_a_list_by_identifier_and_enter_at_once(marketer: Api) -> None:
    made = marketer.post("/lists", {"slug": "press", "name": "Press"})
    assert made.status_code == 201
    marketer.post("/segments", {"name": "Press", "rule_text": "list press"})
    changed = marketer.post("/lists/press/entries", {"add": ["user_id:u0", "user_id:u1", "user_id:nobody", "x"]})
    assert changed.json() == {"added": 2, "removed": 0, "unknown": ["user_id:nobody", "x"]}
    assert marketer.get("/segments/press").json()["size"] == 2
    assert marketer.post("/lists/press/entries", {"remove": ["user_id:u0"]}).json()["removed"] == 1
    assert marketer.get("/lists").json()["data"][0]["entries"] == marketer.get("/lists/press").json()["entries"] == 1
    assert marketer.delete("/lists/press").status_code == 409
    marketer.post("/segments/press/archive")
    assert marketer.delete("/lists/press").status_code == 204
    assert marketer.get("/lists/press").status_code == 404


def test_findings_and_lists_come_in_pages(marketer: Api) -> None:
    for number in range(5):
        marketer.post("/segments", {"name": f"Nobody {number}", "rule_text": f"nothing = {number}"})
        marketer.post("/lists", {"slug": f"list-{number}"})
    assert [one["slug"] for one in marketer.all("/lists")] == [f"list-{number}" for number in range(5)]
    found = marketer.all("/segments/findings", limit=3)
    assert found == marketer.get("/segments/findings?limit=100").json()["data"]
    assert len(found) == 10


def test_a_rule_that_reads_a_list_that_is_not_there_is_refused(marketer: Api) -> None:
    for path in ("/segments", "/segments/preview"):
        body = {"rule_text": "list nowhere"} | ({"name": "Guests"} if path == "/segments" else {})
        refused = marketer.post(path, body)
        assert refused.status_code == 422
        assert "There is no list nowhere" in refused.json()["detail"]


def test_a_segment_that_a_channel_follows_is_used(marketer: Api, api: Callable[..., Api]) -> None:
    made = marketer.post("/segments", {"name": "Paying", "rule": PRO}).json()
    assert {one["code"] for one in marketer.get("/segments/findings").json()["data"]} == {"unused"}
    assert api("sync:ack").post(f"/segments/{made['id']}/changes/ack", {"seq": 0}).status_code == 200
    assert marketer.get("/segments/findings").json()["data"] == []


def test_publishing_can_be_left_to_a_worker(marketer: Api) -> None:
    asked = marketer.post("/segments", {"name": "Paying", "rule": PRO}, Prefer="respond-async")
    assert asked.status_code == 202
    address = asked.headers["Location"].removeprefix("/api/v1")
    assert marketer.get(address).json() == asked.json()
    assert marketer.get("/segments/paying").status_code == 404
    segment_services.run_publications(now=clock.now())
    done = marketer.get(address).json()
    made = marketer.get(f"/segments/{done['segment_id']}")
    assert (done["state"], made.json()["size"], made.json()["slug"]) == ("done", 2, "paying")
    change = {"rule": FREE, "name": "Others"}
    next_one = marketer.patch("/segments/paying", change, If_Match=made.headers["ETag"], Prefer="respond-async")
    assert next_one.status_code == 202
    stopped = marketer.delete(next_one.headers["Location"].removeprefix("/api/v1"))
    assert stopped.status_code == 202
    segment_services.run_publications(now=clock.now())
    assert marketer.get(f"/publications/{stopped.json()['id']}").json()["state"] == "cancelled"
    assert marketer.get("/segments/paying").json()["name"] == "Paying"
    assert marketer.get("/publications/0").status_code == 404
    circle = marketer.post("/segments", {"name": "Own", "rule": {"segment": "own"}}, Prefer="respond-async")
    assert circle.status_code == 422
