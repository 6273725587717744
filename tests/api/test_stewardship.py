"""Merge, unmerge, undo and why."""

from collections.abc import Callable

import pytest

from common.models import AuditEntry
from tests.api.conftest import Api, World


@pytest.fixture
def steward(world: World, api: Callable[..., Api]) -> Api:
    world.identify("u1", plan="pro")
    world.play({"type": "identify", "anonymousId": "b1", "traits": {"plan": "free", "shoe": 42}})
    return api("profiles:read", "profiles:write", "profiles:pii", "segments:read", "segments:write")


def test_a_merge_joins_and_its_undo_gives_both_back(steward: Api) -> None:
    before = [steward.get(f"/profiles/{ref}").json() for ref in ("user_id:u1", "anonymous_id:b1")]
    merged = steward.post("/merges", {"a": "user_id:u1", "b": before[1]["id"], "reason": "same phone call"})
    assert merged.status_code == 201
    assert merged.json()["retired"] == [before[1]["id"]]
    assert steward.get("/profiles/anonymous_id:b1").json()["id"] == before[0]["id"]
    assert steward.get("/why?a=user_id:u1&b=anonymous_id:b1").json()["together"] is True
    decision = merged.json()["decision_id"]
    assert [one["id"] for one in steward.get("/decisions").json()["data"]] == [decision]
    assert steward.post(f"/decisions/{decision}/undo").status_code == 201
    after = [steward.get(f"/profiles/{ref}").json() for ref in ("user_id:u1", "anonymous_id:b1")]
    for old, new in zip(before, after, strict=True):
        assert {k: v for k, v in old.items() if k != "updated_at"} == {
            k: v for k, v in new.items() if k != "updated_at"
        }
    assert steward.post(f"/decisions/{decision}/undo").status_code == 409


def test_an_unmerge_takes_identifiers_out_and_they_get_their_id_back(steward: Api, world: World) -> None:
    born = steward.get("/profiles/anonymous_id:b1").json()["id"]
    world.play({"type": "identify", "userId": "u1", "anonymousId": "b1"})
    parted = steward.post(
        "/unmerges", {"profile": "user_id:u1", "identifiers": ["anonymous_id:b1"], "reason": "borrowed"}
    )
    assert parted.status_code == 201, parted.content
    assert parted.json()["created"] == [born]
    assert steward.get("/profiles/anonymous_id:b1").json()["id"] == born
    why = steward.get("/why?a=user_id:u1&b=anonymous_id:b1").json()
    assert why["together"] is False
    assert why["cannot_links"][0]["reason"] == "borrowed"
    world.play({"type": "identify", "userId": "u1", "anonymousId": "b1"})
    assert steward.get("/profiles/anonymous_id:b1").json()["id"] == born


def test_segments_follow_a_merge_in_the_same_breath(steward: Api, world: World) -> None:
    rule = {"all": [{"trait": "plan", "is": "exists"}, {"trait": "shoe", "is": "eq", "value": 42}]}
    segment = steward.post("/segments", {"name": "Shoes", "rule": rule}).json()
    lone = steward.get("/profiles/anonymous_id:b1").json()["id"]
    assert [one["profile_id"] for one in steward.all(f"/segments/{segment['id']}/members")] == [lone]
    merged = steward.post("/merges", {"a": "user_id:u1", "b": "anonymous_id:b1", "reason": "same"})
    kept = steward.get("/profiles/user_id:u1").json()["id"]
    assert merged.status_code == 201
    assert [one["profile_id"] for one in steward.all(f"/segments/{segment['id']}/members")] == [kept]


def test_what_was_done_is_in_the_audit_log_with_the_token(steward: Api) -> None:
    steward.post("/merges", {"a": "user_id:u1", "b": "anonymous_id:b1", "reason": "same phone call"})
    entry = AuditEntry.objects.get(action="identity.merge")
    assert entry.actor.startswith("token:")
    assert entry.reason == "same phone call"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"a": "user_id:u1", "b": "user_id:nobody", "reason": "x"}, "/b"),
        ({"a": "user_id:u1", "b": "user_id:u1", "reason": "x"}, "/b"),
        ({"a": "user_id:u1", "b": "anonymous_id:b1"}, "/reason"),
        ({"a": "user_id:u1", "b": "anonymous_id:b1", "reason": ""}, "/reason"),
        ({"a": {}, "b": "anonymous_id:b1", "reason": "x"}, "/a"),
    ],
)
def test_a_merge_that_cannot_be_says_which_field_is_wrong(steward: Api, body: dict[str, object], pointer: str) -> None:
    answer = steward.post("/merges", body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_merge_that_the_policy_forbids_is_a_conflict_and_changes_nothing(steward: Api, world: World) -> None:
    world.identify("u2", plan="basic")
    answer = steward.post("/merges", {"a": "user_id:u1", "b": "user_id:u2", "reason": "x"})
    assert answer.status_code == 409
    assert "user_id" in answer.json()["detail"]
    ids = {steward.get(f"/profiles/user_id:{user}").json()["id"] for user in ("u1", "u2")}
    assert len(ids) == 2


def test_an_identifier_of_somebody_else_cannot_be_unmerged(steward: Api) -> None:
    answer = steward.post("/unmerges", {"profile": "user_id:u1", "identifiers": ["anonymous_id:b1"], "reason": "x"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/identifiers/0"


def test_a_policy_can_be_tried_without_writing(steward: Api, world: World) -> None:
    world.identify("u2", email="ann@example.com")
    policy = steward.get("/policy").json()
    assert policy["active"] is True
    tried = steward.post("/policy/simulate", {"spec": {"on_conflict": "keep_first"}})
    assert tried.status_code == 200
    assert tried.json()["profiles"] == 3
    assert steward.get("/policy").json() == policy
    assert steward.post("/policy/simulate", {"spec": {"nonsense": 1}}).status_code == 422
