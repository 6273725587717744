"""Retention, and replay of the log, by the API."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from cdp.pipeline import replays, retention
from common import clock
from tests.api.conftest import Api, World


@pytest.mark.django_db
def test_rules_of_retention_are_counted_kept_run_and_taken_back(world: World, api: Callable[..., Api]) -> None:
    world.track("u1", "Old", at=clock.now() - timedelta(days=50))
    admin, reader = api("admin:*"), api("sync:read")
    counted = reader.post("/retention/preview", {"event": "Old", "days": 30}).json()
    assert [(one["about"], one["count"]) for one in counted["due"]] == [("the event Old", 1)]
    assert reader.post("/retention", {"event": "Old", "days": 30}).status_code == 403
    made = admin.post("/retention", {"event": "Old", "days": 30, "note": "law"}).json()
    assert admin.post("/retention", {"days": 0}).status_code == 422
    assert reader.get("/retention").json() == {"rules": [made]}
    begun = admin.post("/retention/run", {})
    assert begun.status_code == 202
    retention.run_retention(now=clock.now())
    assert reader.get(f"/jobs/{begun.json()['job_id']}").json()["progress"]["done"] == 1
    assert admin.delete(f"/retention/{made['id']}").status_code == 204
    assert admin.delete(f"/retention/{made['id']}").status_code == 404


@pytest.mark.django_db
def test_events_of_the_log_are_counted_and_replayed(world: World, api: Callable[..., Api]) -> None:
    world.track("u1", "Seen")
    world.track("u1", "Bought")
    writer, reader = api("profiles:write"), api("sync:read")
    assert reader.post("/replays/preview", {"event": "Seen"}).json() == {"total": 1, "estimated": False}
    assert reader.post("/replays", {"event": "Seen"}).status_code == 403
    begun = writer.post("/replays", {"event": "Seen", "source_id": str(world.source.id)})
    assert begun.status_code == 202
    replays.run_replays(now=clock.now(), after=lambda: None)
    found = reader.get(f"/replays/{begun.json()['id']}").json()
    assert (found["of"], found["state"], found["counts"]["events"]) == ("log", "done", 1)
