"""Exports over the API: asked for, followed, taken; personal data only to those who may see it."""

from collections.abc import Callable

import pytest

from common import clock
from connectors import services
from segments import services as segment_services
from tests.api.conftest import Api

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _segment(transactional_db: None) -> None:
    segment_services.create_segment(
        slug="vips", name="VIPs", rule={"trait": "plan", "is": "exists"}, by="ann", now=clock.now()
    )


def test_an_export_is_asked_for_followed_and_taken(api: Callable[..., Api]) -> None:
    reader = api("segments:read")
    asked = reader.post("/segments/vips/exports", {"format": "csv", "columns": ["traits.plan"]})
    assert asked.status_code == 202
    where = asked.headers["Location"].removeprefix("/api/v1")
    assert reader.get(f"{where}/file").status_code == 409
    services.write_exports(now=clock.now())
    done = reader.get(where).json()
    assert (done["state"], done["rows"], done["segment"]) == ("done", 0, "vips")
    file = reader.get(f"{where}/file")
    assert b"".join(file.streaming_content) == b'"profile_id","traits.plan"\r\n'
    assert file.headers["Content-Length"] == str(done["size"])
    assert file.headers["Content-Disposition"].startswith('attachment; filename="vips-')
    assert [one["id"] for one in reader.get("/segments/vips/exports").json()["data"]] == [done["id"]]


def test_personal_data_is_given_only_to_those_who_may_see_it(api: Callable[..., Api]) -> None:
    reader, steward = api("segments:read"), api("segments:read", "profiles:pii")
    assert reader.post("/segments/vips/exports", {"personal": True}).status_code == 403
    made = steward.post("/segments/vips/exports", {"personal": True}).json()
    services.write_exports(now=clock.now())
    assert reader.get(f"/exports/{made['id']}/file").status_code == 403
    assert steward.get(f"/exports/{made['id']}/file").status_code == 200


def test_what_cannot_be_exported_is_told(api: Callable[..., Api]) -> None:
    reader = api("segments:read")
    wrong = reader.post("/segments/vips/exports", {"columns": ["password"]})
    assert wrong.status_code == 422
    assert wrong.json()["errors"][0]["pointer"] == "/columns"
    assert reader.post("/segments/vips/exports", {"format": "xlsx"}).status_code == 422
    assert reader.post("/segments/none/exports", {}).status_code == 404
    assert reader.get("/exports/999").status_code == 404
    assert api("events:write").post("/segments/vips/exports", {}).status_code == 403
