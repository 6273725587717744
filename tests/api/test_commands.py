"""The commands that scripts rely on."""

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from cdp.api import idle
from cdp.api.idle import Left
from common import access
from tests.api.conftest import Api, World


def run(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_create_source_prints_id_and_write_key() -> None:
    made = json.loads(run("create_source", "Shop", "--kind", "web", "--format", "json"))
    assert isinstance(made["id"], int)
    assert made["write_key"] in run("create_source", "Shop") or made["write_key"]
    with pytest.raises(CommandError, match="Choose from"):
        run("create_source", "Shop", "--kind", "telepathy")


@pytest.mark.django_db
def test_create_api_token_prints_a_token_that_works() -> None:
    made = json.loads(run("create_api_token", "laptop", "--scopes", "profiles:read, segments:read", "--format", "json"))
    token = access.find_token(made["token"])
    assert token is not None
    assert token.scopes == ["profiles:read", "segments:read"]
    with pytest.raises(CommandError, match="No such scope: fly"):
        run("create_api_token", "laptop", "--scopes", "fly")


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_export_events_writes_segments_field_names(world: World) -> None:
    world.play(
        {
            "type": "track", "messageId": "m1", "userId": "u1", "anonymousId": "b1", "event": "Order Completed",
            "properties": {"revenue": 12.5}, "context": {"page": {"path": "/"}}, "integrations": {"All": True},
            "timestamp": "2026-01-31T12:00:00.250Z", "originalTimestamp": "2026-01-31T12:00:00Z",
        },
        {"type": "page", "messageId": "m2", "userId": "u1", "name": "Home", "category": "Docs"},
        {"type": "group", "messageId": "m3", "userId": "u1", "groupId": "g1", "traits": {"name": "Acme"}},
        {"type": "alias", "messageId": "m4", "userId": "u1", "previousId": "b1"},
    )  # fmt: skip
    found = {event["messageId"]: event for event in lines(run("export_events", "--source", world.source.slug))}
    assert set(found) == {"m1", "m2", "m3", "m4"}
    track = found["m1"]
    assert set(track) == {
        "messageId", "type", "userId", "anonymousId", "event", "timestamp", "originalTimestamp", "sentAt",
        "receivedAt", "properties", "traits", "context", "groupId", "previousId", "name", "category",
        "integrations", "profileId",
    }  # fmt: skip
    assert track["event"] == "Order Completed"
    assert track["timestamp"] == "2026-01-31T12:00:00.250Z"
    assert track["properties"] == {"revenue": 12.5}
    assert track["context"]["page"] == {"path": "/"}
    assert (found["m2"]["event"], found["m2"]["name"], found["m2"]["category"]) == (None, "Home", "Docs")
    assert found["m3"]["groupId"] == "g1"
    assert found["m4"]["previousId"] == "b1"
    assert len({event["profileId"] for event in found.values()}) == 1
    assert lines(run("export_events")) != []
    with pytest.raises(CommandError):
        run("export_events", "--source", "nowhere")


def test_export_profiles_has_identifiers_traits_and_segments(world: World, api: Callable[..., Api]) -> None:
    world.play({"type": "identify", "userId": "u1", "anonymousId": "b1", "traits": {"plan": "pro"}})
    world.identify("u2", plan="free")
    rule = {"trait": "plan", "is": "eq", "value": "pro"}
    api("segments:write").post("/segments", {"name": "Paying", "rule": rule})
    by_user = {
        one["value"]: profile
        for profile in lines(run("export_profiles"))
        for one in profile["identifiers"]
        if one["kind"] == "user_id"
    }
    assert by_user["u1"]["segments"] == ["paying"]
    assert by_user["u2"]["segments"] == []
    assert by_user["u1"]["traits"] == {"plan": "pro"}
    assert {"kind": "anonymous_id", "value": "b1"} in by_user["u1"]["identifiers"]
    event = lines(run("export_events"))[0]
    assert event["profileId"] in {profile["id"] for profile in by_user.values()}


def test_exports_are_whole_beyond_one_chunk(world: World) -> None:
    world.play(*({"userId": f"u{n}", "event": "A", "messageId": f"m{n}"} for n in range(2300)))
    assert len({event["messageId"] for event in lines(run("export_events"))}) == 2300
    profiles = lines(run("export_profiles"))
    assert len({profile["id"] for profile in profiles}) == len(profiles) == 2300


def test_wait_idle_ends_when_nothing_is_left_twice_in_a_row() -> None:
    looks = iter([Left(1, 0, 0, 0), Left(0, 0, 0, 0), Left(0, 0, 0, 2), Left(0, 0, 0, 0), Left(0, 0, 0, 0)])
    assert idle.wait(seconds=30, look=lambda: next(looks)).idle
    assert next(looks, None) is None


@pytest.mark.django_db
def test_wait_idle_says_what_is_left_when_the_time_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert json.loads(run("wait_idle", "--format", "json"))["idle"] is True
    found = idle.wait(seconds=0, look=lambda: Left(0, 3, 0, 0))
    assert not found.idle
