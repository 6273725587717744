"""Files by the API: what came in, and its undo."""

from collections.abc import Callable

from cdp.pipeline import undoing
from common import clock
from connectors import services
from tests.api.conftest import Api, World


def test_a_file_is_looked_at_and_undone(world: World, api: Callable[..., Api]) -> None:
    draft = services.take_file(
        source_id=world.source.id,
        name="people.csv",
        chunks=[b"user_id,plan\nu7,pro\nu8,pro\n"],
        by="ann",
        now=clock.now(),
    )
    reader, admin = api("sync:read", "profiles:read"), api("admin:*")
    assert reader.get(f"/imports/{draft.id}").json()["state"] == "draft"
    assert admin.post(f"/imports/{draft.id}/undo", {}).status_code == 409
    services.request_run(import_id=draft.id, mapping=dict(draft.mapping), dry=False, by="ann", now=clock.now())
    services.run_imports(now=clock.now())
    world.play()
    listed = reader.get(f"/sources/{world.source.id}/imports").json()["data"]
    assert [(one["id"], one["counts"]["good"], one["can_be_undone"]) for one in listed] == [(str(draft.id), 2, True)]
    assert reader.get("/profiles/user_id:u7").status_code == 200
    assert reader.post(f"/imports/{draft.id}/undo", {}).status_code == 403
    asked = admin.post(f"/imports/{draft.id}/undo", {"dry_run": True})
    assert (asked.status_code, asked.json()["undo_state"]) == (202, "counting")
    assert admin.post(f"/imports/{draft.id}/undo", {}).status_code == 409
    undoing.run_undos(now=clock.now())
    counted = reader.get(f"/imports/{draft.id}").json()
    assert (counted["undo_state"], counted["undone"]["events"], counted["undone"]["people"]) == ("counted", 2, 2)
    assert admin.post(f"/imports/{draft.id}/undo", {}).status_code == 202
    undoing.run_undos(now=clock.now())
    assert reader.get(f"/imports/{draft.id}").json()["undo_state"] == "undone"
    assert reader.get("/profiles/user_id:u7").status_code == 404
    assert reader.get("/imports/1000000").status_code == 404
    assert reader.get("/sources/1000000/imports").status_code == 404
