"""The OpenAPI document, its committed copy, and the page for people."""

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from django.conf import settings
from django.test import Client

from cdp.api import documents, openapi
from tests.api.conftest import Api, World

COMMITTED = Path(documents.__file__).parents[2] / "docs" / "openapi.json"


def test_the_committed_document_is_what_the_code_says() -> None:
    assert COMMITTED.read_text() == documents.document_text(), "run `python manage.py export_openapi`"


def test_the_document_is_made_without_a_guess() -> None:
    openapi.document.cache_clear()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = openapi.document()
    assert found["openapi"] == "3.1.0"


def test_every_operation_has_a_name_of_its_own_a_summary_a_tag_and_a_description() -> None:
    operations = [one for methods in openapi.document()["paths"].values() for one in methods.values()]
    names = [one["operationId"] for one in operations]
    assert len(names) == len(set(names)) >= 45
    assert all(one["summary"] and one["tags"] and one["description"] for one in operations)


def test_the_document_is_served_to_everybody(client: Client) -> None:
    answer = client.get("/api/v1/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["info"]["title"]


@pytest.mark.django_db
def test_the_page_lists_every_operation_and_needs_nothing_that_the_policy_forbids(client: Client) -> None:
    answer = client.get("/api/docs/")
    page = answer.content.decode()
    assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert not re.search(r"<style|style=|<script>|onclick=|https?://(?!testserver)", page)
    for path, methods in openapi.document()["paths"].items():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page
            assert path in page
    for asset in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        assert asset.startswith(settings.STATIC_URL)
        answer = client.get(asset)
        assert answer.status_code == 200, asset
        answer.close()


def _schema(operation_id: str, status: str) -> dict[str, object]:
    whole = openapi.document()
    for methods in whole["paths"].values():
        for one in methods.values():
            if one["operationId"] == operation_id:
                content = next(iter(one["responses"][status]["content"].values()))
                return {**content["schema"], "components": whole["components"]}
    raise AssertionError(operation_id)


def test_answers_are_as_the_document_says(world: World, api: Callable[..., Api]) -> None:
    world.play({"type": "identify", "userId": "u1", "anonymousId": "b1", "traits": {"email": "a@example.com"}})
    world.track("u1", "Order Completed", revenue=10)
    holder = api("admin:*")
    holder.post("/segments", {"name": "All", "rule": {"trait": "email", "is": "exists"}})
    holder.post("/destinations", {"kind": "filedrop", "name": "Drop"})
    holder.post(
        "/syncs", {"name": "S", "segment": "all", "destination_id": holder.get("/destinations").json()["data"][0]["id"]}
    )
    for path, operation_id in [
        ("/profiles", "listProfiles"), ("/profiles/user_id:u1", "getProfile"),
        ("/profiles/lookup?kind=user_id&value=u1", "lookupProfile"),
        ("/profiles/user_id:u1/traits", "listProfileTraits"), ("/profiles/user_id:u1/events", "listProfileEvents"),
        ("/profiles/user_id:u1/identifiers", "listProfileIdentifiers"),
        ("/profiles/user_id:u1/links", "listProfileLinks"), ("/profiles/user_id:u1/segments", "listProfileSegments"),
        ("/why?a=user_id:u1&b=anonymous_id:b1", "explainWhy"), ("/policy", "getPolicy"),
        ("/segments", "listSegments"), ("/segments/all", "getSegment"), ("/segments/all/members", "listMembers"),
        ("/segments/all/changes", "listChanges"), ("/segments/all/changes/ack", "getPosition"),
        ("/sources", "listSources"), ("/destinations", "listDestinations"), ("/syncs", "listSyncs"),
        ("/jobs", "listJobs"), ("/quarantine", "listQuarantine"), ("/events", "listLatestEvents"),
    ]:  # fmt: skip
        answer = holder.get(path)
        assert answer.status_code == 200, (path, answer.content)
        jsonschema.validate(answer.json(), _schema(operation_id, "200"), cls=jsonschema.Draft202012Validator)
    jsonschema.validate(holder.get("/profiles/1x").json(), _schema("getProfile", "404"))
    assert json.loads(COMMITTED.read_text())["components"]["schemas"]["Problem"]
