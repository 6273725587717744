"""Profiles: found by any identifier, masked or not, with all that hangs on them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.api.conftest import Api, World


@pytest.fixture
def ann(world: World) -> World:
    world.play({"type": "track", "anonymousId": "anon-1", "event": "Product Viewed"})
    world.play({
        "type": "identify", "anonymousId": "anon-1", "userId": "u1",
        "traits": {"email": "Ann@Example.com", "firstName": "Ann", "plan": "pro", "address": {"city": "Oslo"}},
    })  # fmt: skip
    return world


@pytest.mark.usefixtures("ann")
def test_a_profile_is_found_by_any_of_its_identifiers(api: Callable[..., Api]) -> None:
    holder = api("profiles:read", "profiles:pii")
    found = holder.get("/profiles/lookup?kind=email&value=%20ANN@example.com").json()
    assert found["traits"]["email"] == "Ann@Example.com"
    assert {(one["kind"], one["value"]) for one in found["identifiers"]} >= {
        ("email", "ann@example.com"), ("user_id", "u1"), ("anonymous_id", "anon-1"),
    }  # fmt: skip
    for reference in (found["id"], "user_id:u1", "anonymous_id:anon-1", "email:ann%40example.com"):
        assert holder.get(f"/profiles/{reference}").json()["id"] == found["id"]
    assert found["requested_id"] is None


@pytest.mark.usefixtures("ann")
def test_personal_data_is_masked_without_the_scope(api: Callable[..., Api]) -> None:
    holder = api("profiles:read")
    shown = holder.get("/profiles/user_id:u1").json()
    assert shown["traits"]["email"] == "A•••@Example.com"
    assert shown["traits"]["firstName"] == "A•••"
    assert shown["traits"]["plan"] == "pro"
    pages = ["", "/traits", "/identifiers", "/events", "/links"]
    for page in [*(f"/profiles/user_id:u1{page}" for page in pages), "/profiles", "/events"]:
        text = holder.get(page).content.decode().lower()
        assert "ann@example.com" not in text, page
        assert '"ann"' not in text, page
        assert '"u1"' not in text, page
    assert holder.get("/profiles?search=ann").status_code == 403
    assert len(api("profiles:read", "profiles:pii").get("/profiles?search=ann").json()["data"]) == 1


@pytest.mark.usefixtures("ann")
def test_traits_come_with_their_provenance(api: Callable[..., Api], world: World) -> None:
    world.play({"type": "identify", "userId": "u1", "traits": {"plan": "free"}, "timestamp": "2020-01-01T00:00:00Z"})
    traits = {one["key"]: one for one in api("profiles:read").get("/profiles/user_id:u1/traits").json()["data"]}
    assert traits["plan"]["value"] == "pro"
    assert traits["plan"]["rule"] == "latest"
    assert traits["plan"]["source_id"] == str(world.source.id)
    assert traits["email"]["value"] == "A•••@Example.com"


def test_the_id_of_a_merged_profile_answers_with_the_survivor(world: World, api: Callable[..., Api]) -> None:
    world.identify("u1", plan="pro")
    world.play({"type": "track", "anonymousId": "b1", "event": "Product Viewed"})
    holder = api("profiles:read", "profiles:write")
    old = holder.get("/profiles/anonymous_id:b1").json()["id"]
    world.play({"type": "identify", "userId": "u1", "anonymousId": "b1"})
    answer = holder.get(f"/profiles/{old}")
    assert answer.status_code == 200
    survivor = holder.get("/profiles/user_id:u1").json()
    assert answer.json()["id"] == survivor["id"]
    assert answer.json()["requested_id"] == old
    assert old in survivor["merged_from"]


def test_events_are_paged_without_gap_or_repeat_also_at_one_instant(world: World, api: Callable[..., Api]) -> None:
    same = "2026-01-01T00:00:00Z"
    world.play(*({"userId": "u1", "event": "A", "timestamp": same, "messageId": f"m{n}"} for n in range(7)))
    world.play(*({"userId": "u1", "event": "B", "timestamp": f"2026-01-0{n}T00:00:00Z"} for n in range(2, 6)))
    holder = api("profiles:read")
    rows = holder.all("/profiles/user_id:u1/events", limit=3)
    assert len(rows) == 11
    assert len({row["message_id"] for row in rows}) == 11
    assert [row["timestamp"] for row in rows] == sorted((row["timestamp"] for row in rows), reverse=True)


def test_events_are_filtered_by_name_type_source_and_time(world: World, api: Callable[..., Api]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(4):
        world.track("u1", "A" if day % 2 else "B", at=start + timedelta(days=day))
    world.play({"type": "page", "userId": "u1", "name": "Home", "timestamp": "2026-01-09T00:00:00Z"})
    holder = api("profiles:read")

    def shown(query: str) -> list[str]:
        return [row["event"] or row["type"] for row in holder.all(f"/profiles/user_id:u1/events?{query}")]

    assert shown("event=A") == ["A", "A"]
    assert shown("type=page") == ["page"]
    assert shown("event=%24page") == ["page"]
    assert shown("since=2026-01-03T00:00:00Z&until=2026-01-05T00:00:00Z") == ["A", "B"]
    assert shown(f"source_id={world.source.id}&type=track") == ["A", "B", "A", "B"]
    assert shown("source_id=99999") == []


@pytest.mark.parametrize("at", ["2026-01-01T00:00:00", "2026-01-01", "now"])
@pytest.mark.usefixtures("ann")
def test_a_time_without_an_offset_is_a_422(api: Callable[..., Api], at: str) -> None:
    answer = api("profiles:read").get(f"/profiles/user_id:u1/events?since={at}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "since"


def test_the_newest_events_of_all_are_a_window(world: World, api: Callable[..., Api]) -> None:
    world.track("u1", "A")
    world.track("u2", "B", price=3)
    rows = api("profiles:read").get("/events").json()["data"]
    assert [row["event"] for row in rows] == ["B", "A"]
    assert rows[0]["properties"] == {"price": 3}


def test_a_list_has_no_gap_and_no_repeat_while_profiles_come_in(world: World, api: Callable[..., Api]) -> None:
    for number in range(5):
        world.identify(f"u{number}", plan="pro")
    holder = api("profiles:read")
    first = holder.get("/profiles?limit=3").json()
    world.identify("late", plan="pro")
    rest = holder.get(f"/profiles?limit=3&cursor={first['next_cursor']}").json()
    ids = [row["id"] for row in first["data"] + rest["data"]]
    assert len(ids) == len(set(ids)) == 6
    assert rest["next_cursor"] is None


def test_a_cursor_with_another_filter_is_a_mismatch(world: World, api: Callable[..., Api]) -> None:
    for number in range(3):
        world.identify(f"u{number}", plan="pro")
    holder = api("profiles:read", "profiles:pii")
    cursor = holder.get("/profiles?limit=1").json()["next_cursor"]
    answer = holder.get(f"/profiles?limit=1&search=u&cursor={cursor}")
    assert answer.status_code == 400
    assert answer.json()["type"].endswith("/problems/cursor-mismatch/")
    assert holder.get(f"/events?cursor={cursor}").status_code == 422


@pytest.mark.usefixtures("ann")
def test_what_did_not_change_is_not_sent_again(api: Callable[..., Api], world: World) -> None:
    holder = api("profiles:read")
    first = holder.get("/profiles/user_id:u1")
    assert not first.headers["ETag"].startswith("W/")
    assert holder.get("/profiles/user_id:u1", If_None_Match=first.headers["ETag"]).status_code == 304
    world.identify("u1", plan="free")
    assert holder.get("/profiles/user_id:u1", If_None_Match=first.headers["ETag"]).status_code == 200
    assert holder.get("/profiles").headers["ETag"].startswith("W/")


@pytest.mark.parametrize(
    "reference",
    ["999999999999", "9" * 30, "email:nobody@example.com", "email:", "nothing", "x:y", "email:not-an-email"],
)
@pytest.mark.django_db
def test_what_nobody_has_is_not_found(api: Callable[..., Api], reference: str) -> None:
    assert api("profiles:read").get(f"/profiles/{reference}").status_code == 404
