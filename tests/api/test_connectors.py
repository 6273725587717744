"""Sources, destinations, syncs, the quarantine and jobs by the API."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from cdp.pipeline import replays
from common import clock, jobs, pg
from connectors import services as connector_services
from events import services as event_services
from tests.api.conftest import Api, World

PRO = {"trait": "plan", "is": "eq", "value": "pro"}


@pytest.fixture
def operator(api: Callable[..., Api]) -> Api:
    return api("sync:read", "sync:write", "segments:read", "segments:write", "profiles:read")


@pytest.mark.django_db
def test_a_write_key_is_shown_to_those_who_may_make_sources(api: Callable[..., Api]) -> None:
    admin = api("admin:*")
    made = admin.post("/sources", {"name": "Shop", "kind": "mobile"})
    assert made.status_code == 201
    assert len(made.json()["write_key"]) > 20
    address = f"/sources/{made.json()['id']}"
    assert admin.get(address).json() == made.json()
    assert api("sync:read").get(address).json()["write_key"] is None
    assert admin.get("/sources?kind=web").json()["data"] == []
    assert [one["name"] for one in admin.get("/sources?kind=mobile&enabled=true").json()["data"]] == ["Shop"]
    assert admin.get("/sources?enabled=false").json()["data"] == []
    assert admin.get("/sources/999").status_code == 404
    wrong = admin.post("/sources", {"name": "Shop", "kind": "telepathy"})
    assert wrong.json()["errors"][0]["pointer"] == "/kind"


def test_a_file_drop_gets_the_members_of_a_segment(world: World, operator: Api) -> None:
    for user in ("u1", "u2", "u3"):
        world.identify(user, plan="pro", email=f"{user}@example.com")
    segment = operator.post("/segments", {"name": "Paying", "rule": PRO}).json()
    made = operator.post("/destinations", {"kind": "filedrop", "name": "Drop", "settings": {}})
    assert made.status_code == 201, made.content
    destination = made.json()
    assert operator.get(f"/destinations/{destination['id']}").json()["name"] == "Drop"
    joined = operator.post("/syncs", {"name": "To drop", "segment": "paying", "destination_id": destination["id"]})
    assert joined.status_code == 201, joined.content
    sync = joined.json()
    assert sync["segment_id"] == segment["id"]
    connector_services.deliver_all_due(now=clock.now())
    runs = operator.get(f"/syncs/{sync['id']}/runs").json()["data"]
    assert runs[0]["delivered"]["added"] == 3, runs
    rows = operator.all(f"/syncs/{sync['id']}/runs/{runs[0]['id']}/deliveries?state=delivered")
    assert len(rows) == 3
    assert {row["operation"] for row in rows} == {"add"}
    assert operator.get(f"/syncs/{sync['id']}/runs/{runs[0]['id']}").json() == runs[0]
    assert operator.get(f"/deliveries?sync_id={sync['id']}").json()["data"] == []
    assert operator.get(f"/syncs?segment_id={segment['id']}&state=active").json()["data"][0]["sent"] == 3


def test_a_sync_is_paused_resumed_and_run(world: World, operator: Api) -> None:
    operator.post("/segments", {"name": "Paying", "rule": PRO})
    destination = operator.post("/destinations", {"kind": "filedrop", "name": "Drop"}).json()["id"]
    sync = operator.post("/syncs", {"name": "S", "segment": "paying", "destination_id": destination}).json()["id"]
    assert operator.post(f"/syncs/{sync}/pause").json()["state"] == "paused"
    assert operator.get("/syncs?state=paused").json()["data"][0]["id"] == sync
    assert operator.post(f"/syncs/{sync}/resume").json()["state"] == "active"
    assert operator.post(f"/syncs/{sync}/run").status_code == 202
    assert operator.post("/syncs/999/run").status_code == 404


@pytest.mark.django_db
def test_settings_that_cannot_work_are_pointed_at(operator: Api) -> None:
    wrong = operator.post("/destinations", {"kind": "carrier-pigeon", "name": "Coo"})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/kind"
    assert operator.post("/destinations", {"kind": "webhook", "name": "Hook", "settings": {}}).status_code == 422
    assert operator.post("/syncs", {"name": "S", "segment": "none", "destination_id": "1"}).status_code == 422
    assert operator.get("/deliveries").status_code == 422


@pytest.mark.django_db
def test_the_secret_of_a_webhook_is_shown_once(operator: Api) -> None:
    made = operator.post(
        "/destinations", {"kind": "webhook", "name": "Hook", "settings": {"url": "https://example.com/hook"}}
    )
    assert made.status_code == 201, made.content
    secrets = made.json()["shown_once"]
    assert secrets
    again = operator.get(f"/destinations/{made.json()['id']}")
    assert again.json()["shown_once"] == {}
    assert not [secret for secret in secrets.values() if secret in again.content.decode()]


def _refused(world: World, item: dict[str, object]) -> None:
    setback = event_services.Setback(world.source.id, "wrong_type", "why", "m1", json.dumps(item).encode())
    with pg.connect(autocommit=True) as conn:
        event_services.ensure_inbox(conn, now=clock.now())
        event_services.quarantine(conn, [setback], stage="accept", received_at=clock.now())


def test_quarantined_items_are_seen_with_their_reason_and_replayed_once(world: World, api: Callable[..., Api]) -> None:
    _refused(world, {"type": "track", "event": "Late", "userId": "u1", "messageId": "m1"})
    _refused(world, {"type": "track", "userId": 7.5})
    reader, sender = api("sync:read"), api("events:write")
    items = reader.all("/quarantine", limit=1)
    assert [item["reason"] for item in items] == ["wrong_type", "wrong_type"]
    assert items[0]["item"] is None
    assert "Late" in api("sync:read", "profiles:pii").all("/quarantine")[1]["item"]
    ids = [item["id"] for item in items]
    assert sender.post("/quarantine/replay", {"ids": ids}).json() == {"accepted": 1, "refused": 1, "skipped": 0}
    assert sender.post("/quarantine/replay", {"ids": ids}).json() == {"accepted": 0, "refused": 1, "skipped": 1}
    world.play()
    events = api("profiles:read").get("/profiles/user_id:u1/events").json()["data"]
    assert [event["event"] for event in events] == ["Late"]
    assert len(reader.all("/quarantine?state=replayed")) == 1
    assert len(reader.all("/quarantine")) == 1


@pytest.mark.django_db
def test_a_quarantined_item_is_tried_edited_and_replayed(world: World, api: Callable[..., Api]) -> None:
    _refused(world, {"type": "track", "event": "Late", "messageId": "m1"})
    sender, seer = api("events:write", "sync:read"), api("events:write", "sync:read", "profiles:pii")
    (item,) = sender.all("/quarantine?event=Late&stage=accept&reason=wrong_type")
    address = f"/quarantine/{item['id']}"
    assert sender.all("/quarantine?event=Early") == []
    assert sender.post(f"{address}/try", {}).json()["verdict"] == "refused"
    right = json.dumps({"type": "track", "event": "Late", "userId": "u1", "messageId": "m1"})
    tried = sender.post(f"{address}/try", {"item": right}).json()
    assert (tried["verdict"], tried["event"], tried["profile_id"]) == ("comes_in", "Late", None)
    assert tried["identifiers"] == [{"kind": "user_id", "value": "u•••"}]
    wrong = sender.post(f"{address}/replay", {"item": "{"})
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "invalid-json")
    done = seer.post(f"{address}/replay", {"item": right}).json()
    assert (done["state"], json.loads(done["replayed_as"])["userId"]) == ("replayed", "u1")
    assert sender.get(address).json()["replayed_as"] is None
    assert sender.post(f"{address}/replay", {}).status_code == 409
    assert sender.get("/quarantine/1000000").status_code == 404


@pytest.mark.django_db
def test_all_quarantined_items_that_fit_are_counted_and_replayed_by_a_job(
    world: World, api: Callable[..., Api]
) -> None:
    _refused(world, {"type": "track", "event": "Late", "userId": "u1", "messageId": "m1"})
    _refused(world, {"type": "track", "event": "Other", "userId": "u1", "messageId": "m2"})
    sender = api("events:write", "sync:read")
    fits = {"event": "Late", "identifier": "u1", "source_id": str(world.source.id)}
    counted = sender.post("/quarantine/replay-all/preview", fits).json()
    assert (counted["total"], counted["by"][0]["reason"]) == (1, "wrong_type")
    begun = sender.post("/quarantine/replay-all", fits)
    assert (begun.status_code, begun.headers["Location"]) == (202, f"/api/v1/replays/{begun.json()['id']}")
    replays.run_replays(now=clock.now(), after=lambda: None)
    (found,) = sender.all("/replays")
    assert (found["state"], found["counts"], found["fits"]["identifier"]) == (
        "done",
        {"accepted": 1, "refused": 0},
        "•••",
    )
    assert sender.get(f"/replays/{found['id']}").json() == found
    assert [one["state"] for one in sender.all("/quarantine?state=replayed")] == ["replayed"]


@pytest.mark.django_db
def test_jobs_show_their_progress_and_can_be_cancelled(operator: Api) -> None:
    job_id = jobs.start("refresh", "Refresh all", total=10)
    jobs.progress(job_id, 4, stage="counting")
    job = operator.get(f"/jobs/{job_id}").json()
    assert job["progress"] == {"done": 4, "total": 10, "stage": "counting"}
    assert [one["id"] for one in operator.get("/jobs?kind=refresh&state=running").json()["data"]] == [str(job_id)]
    assert operator.client.delete(f"/api/v1/jobs/{job_id}").status_code == 202
    assert jobs.cancelled(job_id)
    assert datetime.fromisoformat(job["started_at"]).tzinfo == UTC


def test_a_sync_is_tried_with_one_person(world: World, operator: Api, api: Callable[..., Api]) -> None:
    world.identify("u1", plan="pro", email="u1@example.com")
    world.identify("u2", plan="free", email="u2@example.com")
    operator.post("/segments", {"name": "Paying", "rule": PRO})
    destination = operator.post("/destinations", {"kind": "filedrop", "name": "Drop"}).json()["id"]
    mapping = {"key": {"id": {"@path": "profile.id"}}, "columns": {"mail": {"@path": "profile.traits.email"}}}
    wanted = {"name": "S", "segment": "paying", "destination_id": destination, "mapping": mapping}
    address = f"/syncs/{operator.post('/syncs', wanted).json()['id']}/test"
    seen = operator.post(address, {"profile": "user_id:u1"})
    assert seen.status_code == 200, seen.content
    assert (seen.json()["sent"], seen.json()["is_member"], seen.json()["outcome"]) == (False, True, "")
    assert seen.json()["payload"]["columns"] == {"mail": "u•••@example.com"}
    openly = api("sync:write", "profiles:pii").post(address, {"profile": "user_id:u1"})
    assert openly.json()["payload"]["columns"] == {"mail": "u1@example.com"}
    sent = operator.post(address, {"profile": "email:u2@example.com", "send": True}).json()
    assert (sent["outcome"], sent["is_member"], sent["removal_planned"]) == ("delivered", False, True)
    again = operator.post(address, {"profile": "email:u2@example.com", "send": True})
    assert again.status_code == 409
    assert "on its way" in again.json()["detail"]
    assert operator.post(address, {"profile": "user_id:nobody"}).json()["errors"][0]["pointer"] == "/profile"
    assert operator.post("/syncs/999/test", {"profile": "user_id:u1"}).status_code == 404
    assert api("sync:read").post(address, {"profile": "user_id:u1"}).status_code == 403


def test_a_document_that_cannot_be_read_is_given_out_byte_for_byte(world: World, api: Callable[..., Api]) -> None:
    raw = b"\x28\xb5\x00damaged"
    setback = event_services.Setback(world.source.id, "unreadable_document", "It was damaged.", "", b"", raw=raw)
    with pg.connect() as conn:
        event_services.quarantine(conn, [setback], stage="apply", received_at=clock.now())
    (item,) = api("sync:read").all("/quarantine?reason=unreadable_document")
    assert item["raw_bytes"] == len(raw)
    where = f"/quarantine/{item['id']}/document"
    assert api("sync:read").get(where).status_code == 403
    assert api("sync:read", "profiles:pii").get(where).getvalue() == raw
    _refused(world, {"type": "track", "userId": 7.5})
    other = next(one["id"] for one in api("sync:read").all("/quarantine") if not one["raw_bytes"])
    assert api("sync:read", "profiles:pii").get(f"/quarantine/{other}/document").status_code == 404
