"""A channel that reads the members and then the changes has the same members as we do."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.api.views import feed
from cdp.api.views.feed import feed_cursor
from tests.api.conftest import Api, World

PRO = {"trait": "plan", "is": "eq", "value": "pro"}


@pytest.fixture
def channel(world: World, api: Callable[..., Api]) -> Api:
    return api("segments:read", "segments:write", "sync:read", "sync:ack", "profiles:write", "profiles:read")


def snapshot(channel: Api, segment: str, version: int | None = None) -> tuple[set[str], dict[str, Any]]:
    """All members by pages of two, and the last page."""
    found: list[str] = []
    query, page = f"?limit=2{'' if version is None else f'&version={version}'}", {}
    cursor = ""
    while True:
        page = channel.get(f"/segments/{segment}/members{query}{cursor}").json()
        found += [row["profile_id"] for row in page["data"]]
        if not page["next_cursor"]:
            assert len(found) == len(set(found))
            return set(found), page
        cursor = f"&cursor={page['next_cursor']}"


def follow(channel: Api, segment: str, cursor: str, members: set[str], limit: int = 2) -> tuple[set[str], int, str]:
    """The members after all changes from `cursor` on, the version they are at, and the cursor to go on with."""
    last = 0
    while True:
        page = channel.get(f"/segments/{segment}/changes?limit={limit}&cursor={cursor}").json()
        for change in page["data"]:
            assert change["seq"] > last
            last = change["seq"]
            if change["change"] == "added":
                assert change["profile_id"] not in members
                members = members | {change["profile_id"]}
            else:
                assert change["profile_id"] in members
                members = members - {change["profile_id"]}
        cursor = page["next_cursor"]
        if not page["has_more"]:
            return members, page["version"], cursor


ACTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["pro", "free", "merge", "rule"])), min_size=1, max_size=4)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=ACTS, after=ACTS)
def test_a_snapshot_with_the_changes_applied_is_the_later_snapshot(
    channel: Api, world: World, before: list[tuple[int, str]], after: list[tuple[int, str]]
) -> None:
    # Each example goes on from where the one before has left the world.
    made = channel.post("/segments", {"name": f"Paying {time.monotonic_ns()}", "rule": PRO})
    segment = made.json()["id"]

    def act(who: int, what: str) -> None:
        if what == "merge":
            world.play({"type": "identify", "userId": f"u{who}", "anonymousId": f"b{who}"})
        elif what == "rule":
            rule = {"trait": "plan", "is": "in", "value": ["pro", "free"] if who % 2 else ["pro"]}
            channel.patch(f"/segments/{segment}", {"rule": rule}, If_Match="*")
        else:
            world.identify(f"u{who}", plan=what)
            world.play(
                {"type": "identify", "anonymousId": f"b{who}-{time.monotonic_ns() % 3}", "traits": {"plan": what}}
            )

    for who, what in before:
        act(who, what)
    members, page = snapshot(channel, segment)
    version = page["version"]
    for who, what in after:
        act(who, what)
    followed, head, _ = follow(channel, segment, page["changes_cursor"], members)
    now, later = snapshot(channel, segment)
    assert later["version"] == head
    assert followed == now
    assert snapshot(channel, segment, version)[0] == members
    replayed, _, _ = follow(channel, segment, feed_cursor(int(segment), 0), set())
    assert replayed == now


def test_all_pages_of_one_reading_show_the_same_version(channel: Api, world: World) -> None:
    for number in range(4):
        world.identify(f"u{number}", plan="pro")
    segment = channel.post("/segments", {"name": "Paying", "rule": PRO}).json()["id"]
    first = channel.get(f"/segments/{segment}/members?limit=2&include=total").json()
    world.identify("u3", plan="free")
    world.identify("u9", plan="pro")
    second = channel.get(f"/segments/{segment}/members?limit=2&include=total&cursor={first['next_cursor']}").json()
    assert second["version"] == first["version"]
    assert first["total"] == second["total"] == 4
    assert len(first["data"] + second["data"]) == 4


def test_a_version_of_the_future_does_not_exist(channel: Api, world: World) -> None:
    segment = channel.post("/segments", {"name": "Paying", "rule": PRO}).json()["id"]
    assert channel.get(f"/segments/{segment}/members?version=99999").status_code == 422
    assert channel.get(f"/segments/{segment}/members?version=0").json()["data"] == []
    assert channel.get(f"/segments/{segment}/members?version=x").status_code == 422
    assert channel.get(f"/segments/{segment}/members?include=everything").status_code == 422


def test_a_cursor_ahead_of_the_ledger_is_gone_and_one_of_another_segment_a_mismatch(channel: Api) -> None:
    ids = [channel.post("/segments", {"name": name, "rule": PRO}).json()["id"] for name in ("A", "B")]
    gone = channel.get(f"/segments/{ids[0]}/changes?cursor={feed_cursor(int(ids[0]), 10**6)}")
    assert gone.status_code == 410
    assert gone.json()["members"] == f"/api/v1/segments/{ids[0]}/members"
    other = channel.get(f"/segments/{ids[1]}/changes?cursor={feed_cursor(int(ids[0]), 0)}")
    assert other.json()["type"].endswith("/problems/cursor-mismatch/")


def test_a_request_that_waits_is_answered_when_the_news_comes(
    channel: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "WAIT_MAX", 600)  # longer than anybody waits here: what answers is the news
    segment = channel.post("/segments", {"name": "Paying", "rule": PRO}).json()["id"]
    start = channel.get(f"/segments/{segment}/members").json()["changes_cursor"]
    answers: list[Any] = []

    def wait() -> None:
        try:
            holder = Api(channel.token, channel.token_id)
            answers.append(holder.get(f"/segments/{segment}/changes?wait=600&cursor={start}").json())
        finally:
            connection.close()

    free = feed._waiting._value
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()
    until = time.monotonic() + 120
    while feed._waiting._value == free and time.monotonic() < until:
        time.sleep(0.02)
    assert feed._waiting._value == free - 1, "it waits"
    assert answers == []
    world.identify("u1", plan="pro")
    waiting.join(timeout=180)
    assert [[change["change"] for change in page["data"]] for page in answers] == [["added"]]


def test_a_wait_without_news_ends_in_time_and_the_cursor_moves_past_other_segments(channel: Api, world: World) -> None:
    quiet = channel.post("/segments", {"name": "Quiet", "rule": {"trait": "x", "is": "exists"}}).json()["id"]
    channel.post("/segments", {"name": "Paying", "rule": PRO})
    start = channel.get(f"/segments/{quiet}/members").json()["changes_cursor"]
    world.identify("u1", plan="pro")
    began = time.monotonic()
    page = channel.get(f"/segments/{quiet}/changes?wait=1&cursor={start}").json()
    assert time.monotonic() - began >= 0.9
    assert page["data"] == []
    assert page["next_cursor"] != start
    assert channel.get(f"/segments/{quiet}/changes?wait=26").status_code == 422


def test_the_position_of_a_channel_is_stored_by_token(channel: Api, world: World, api: Callable[..., Api]) -> None:
    world.identify("u1", plan="pro")
    segment = channel.post("/segments", {"name": "Paying", "rule": PRO}).json()["id"]
    assert channel.get(f"/segments/{segment}/changes/ack").json()["seq"] == 0
    head = channel.get(f"/segments/{segment}/members").json()["version"]
    stored = channel.post(f"/segments/{segment}/changes/ack", {"seq": head})
    assert stored.json()["seq"] == head
    assert stored.json()["version"] == head
    assert channel.post(f"/segments/{segment}/changes/ack", {"seq": head + 1}).status_code == 422
    assert api("sync:read").get(f"/segments/{segment}/changes/ack").json()["seq"] == 0
