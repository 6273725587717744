"""Erasure, access and suppression by the API."""

import io
import json
import zipfile
from collections.abc import Callable

import pytest

from cdp import erasing
from common import clock
from privacy import services
from tests.api.conftest import Api, World


@pytest.fixture
def officer(world: World, api: Callable[..., Api]) -> Api:
    world.identify("u1", email="ana@example.org", plan="pro")
    world.identify("u2", email="bob@example.org", plan="free")
    return api("erasure:write", "profiles:read", "profiles:pii")


def test_a_person_is_erased_and_the_receipt_is_given(officer: Api) -> None:
    asked = officer.post("/erasures", {"person": "email:Ana@example.org"})
    assert asked.status_code == 202
    assert officer.post("/erasures", {"person": "user_id:u1"}).status_code == 409
    address = asked.headers["Location"].removeprefix("/api/v1")
    assert officer.get(f"{address}/receipt").status_code == 409
    erasing.run_erasures(now=clock.now())
    found = officer.get(address).json()
    assert (found["state"], found["identifiers"], found["suppress"]) == ("done", 2, True)
    receipt = officer.get(f"{address}/receipt").json()
    assert services.verify(receipt, public_key=officer.get("/receipt-key").json()["public_key"])
    assert officer.get("/profiles/user_id:u1").status_code == 404
    assert officer.get("/profiles/user_id:u2").status_code == 200
    assert [one["id"] for one in officer.get("/erasures").json()["data"]] == [found["id"]]
    assert officer.post(f"{address}/close", {}).status_code == 409
    assert officer.post("/erasures", {"person": "email:ana@example.org"}).status_code == 422


def test_everything_about_a_person_is_given_as_a_zip(officer: Api, api: Callable[..., Api]) -> None:
    answer = officer.get("/profiles/user_id:u1/archive")
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    assert json.loads(archive.read("profile.json"))["traits"] == {"email": "ana@example.org", "plan": "pro"}
    assert {one["value"] for one in json.loads(archive.read("identifiers.json"))} == {"u1", "ana@example.org"}
    events = [json.loads(line) for line in archive.read("events.ndjson").splitlines()]
    assert [one["name"] for one in events] == ["$identify"]
    assert b"bob@" not in b"".join(archive.read(name) for name in archive.namelist())
    assert api("erasure:write", "profiles:read").get("/profiles/user_id:u1/archive").status_code == 403
    assert officer.get("/profiles/user_id:nobody/archive").status_code == 404


def test_suppressions_are_added_asked_for_and_taken_back(officer: Api, world: World) -> None:
    ana = {"identifier": "email:new@example.org"}
    assert officer.post("/suppressions/lookup", ana).status_code == 404
    added = officer.post("/suppressions", {**ana, "reason": "complaint"})
    assert (added.status_code, added.json()["reason"]) == (201, "complaint")
    assert officer.post("/suppressions/lookup", {"identifier": "email: NEW@example.org"}).status_code == 200
    assert "new@" not in officer.get("/suppressions").content.decode()
    world.identify("u9", email="new@example.org")
    assert officer.get("/profiles/user_id:u9").status_code == 404
    assert officer.post("/suppressions/remove", ana).status_code == 204
    assert officer.post("/suppressions/remove", ana).status_code == 404
    world.identify("u9", email="new@example.org")
    assert officer.get("/profiles/user_id:u9").status_code == 200
    assert officer.post("/suppressions", {"identifier": "nonsense"}).status_code == 422
