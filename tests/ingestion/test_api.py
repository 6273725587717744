"""The ingestion API as libraries see it: paths, keys, answers, CORS, and what is durable after a 200."""

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from connectors.sources.contracts import SourceView
from connectors.sources.ingestion import BATCH_PATHS, SINGLE_PATHS
from connectors.sources.keys import KeyRing
from connectors.sources.selectors import sources
from connectors.sources.services import create_source, set_enabled
from tests.ingestion.client import Caller

EVENT = {"type": "track", "event": "Seen", "userId": "ana", "messageId": "m1"}


def basic(key: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}


def stored_events() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(sum(events), 0) from events_inbox")
        return int(cursor.fetchone()[0])


@pytest.mark.parametrize("path", sorted(BATCH_PATHS))
def test_every_batch_path_stores_before_it_says_200(call: Caller, source: SourceView, path: str) -> None:
    answer = call("POST", path, {"batch": [EVENT, {**EVENT, "messageId": "m2"}]}, headers=basic(source.write_key))
    assert (answer.status, answer.json["success"], answer.json["accepted"]) == (200, True, 2)
    assert stored_events() == 2


@pytest.mark.parametrize(("path", "kind"), sorted(SINGLE_PATHS.items()))
def test_every_single_path_says_the_type(call: Caller, source: SourceView, path: str, kind: str) -> None:
    item = {"event": "Seen", "userId": "ana", "previousId": "old", "groupId": "g", "writeKey": source.write_key}
    answer = call("POST", path, item)
    assert (answer.status, answer.json["items"][0]["verdict"]) == (200, "accepted")


def test_the_key_is_taken_from_header_body_and_query(call: Caller, source: SourceView) -> None:
    bare = {"Authorization": "Basic " + base64.b64encode(source.write_key.encode()).decode()}
    body = {"batch": [EVENT]}
    assert call("POST", "/v1/batch", body, headers=bare).status == 200
    assert call("POST", "/v1/b", {**body, "writeKey": source.write_key}).status == 200
    assert call("POST", "/beacon/v1/batch", body, query=f"writeKey={source.write_key}").status == 200


def test_an_unknown_or_disabled_key_is_401_with_code_and_message(call: Caller, source: SourceView) -> None:
    answer = call("POST", "/v1/batch", {"batch": [EVENT]}, headers=basic("nobody"))
    assert answer.status == 401
    assert {"code", "message"} <= answer.json.keys()
    set_enabled(source_id=source.id, enabled=False, by="tests")
    assert call("POST", "/v1/batch", {"batch": [EVENT]}, headers=basic(source.write_key)).status == 401
    assert stored_events() == 0


def test_a_new_source_works_at_once_for_all_who_come_with_its_key_together(call: Caller, source: SourceView) -> None:
    ring = KeyRing(sources, fresh_seconds=60)
    assert ring.find("nobody") is None
    fresh = create_source(name="New", kind="web", by="tests")

    def find(_: int) -> SourceView | None:
        try:
            return ring.find(fresh.write_key)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(find, range(16))) == [fresh] * 16


def test_gzip_labelled_as_a_form_is_read(call: Caller, source: SourceView) -> None:
    body = gzip.compress(json.dumps({"batch": [EVENT]}).encode())
    headers = {**basic(source.write_key), "Content-Encoding": "gzip"}
    assert call("POST", "/v1/batch", body, headers=headers).json["accepted"] == 1


def test_a_repeat_is_a_success_and_is_called_a_duplicate(call: Caller, source: SourceView) -> None:
    body = {"batch": [EVENT, EVENT]}
    first = call("POST", "/v1/batch", body, headers=basic(source.write_key))
    assert [item["verdict"] for item in first.json["items"]] == ["accepted", "duplicate"]
    again = call("POST", "/v1/batch", body, headers=basic(source.write_key))
    assert (again.status, again.json["duplicates"]) == (200, 2)


def test_refused_items_wait_in_the_quarantine_with_their_bytes(call: Caller, source: SourceView) -> None:
    bad = {"type": "track", "userId": "ana", "properties": {"colour": "red"}}
    answer = call("POST", "/v1/batch", {"batch": [bad, EVENT]}, headers=basic(source.write_key))
    assert [item["verdict"] for item in answer.json["items"]] == ["refused", "accepted"]
    assert answer.json["items"][0]["reason"] == "missing_event"
    with connection.cursor() as cursor:
        cursor.execute("select source_id, stage, reason, item from events_quarantineditem")
        assert [(*row[:3], json.loads(row[3])) for row in cursor.fetchall()] == [
            (source.id, "accept", "missing_event", bad)
        ]


def test_cors_is_on_every_answer_and_names_each_header(call: Caller) -> None:
    asked = call("OPTIONS", "/v1/t", headers={"Access-Control-Request-Headers": "authorization"})
    assert asked.status == 204
    allowed = asked.headers["Access-Control-Allow-Headers"]
    assert all(name in allowed for name in ("authorization", "x-retry-count", "anonymousid", "rsa-retry-attempt"))
    assert asked.headers["Access-Control-Max-Age"] == "86400"
    refused = call("POST", "/v1/t", {"event": "x"})
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert refused.headers["Access-Control-Expose-Headers"] == "Retry-After"


def test_the_settings_documents_keep_libraries_on_this_host(call: Caller, source: SourceView) -> None:
    document: dict[str, Any] = call("GET", f"/v1/projects/{source.write_key}/settings").json
    own = document["integrations"]["Segment.io"]
    assert (own["apiKey"], own["apiHost"], own["protocol"]) == (source.write_key, "cdp.example.com/v1", "http")
    assert document["metrics"]["sampleRate"] == 0
    rudder = call("GET", "/sourceConfig/", query=f"p=npm&writeKey={source.write_key}").json
    assert rudder["source"]["enabled"] is True
    assert call("GET", "/v1/projects/nobody/settings").status == 404


def test_metrics_of_libraries_are_answered_and_forgotten(call: Caller) -> None:
    assert call("POST", "/v1/m", b'{"series":[]}').status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/batch", 405), ("PUT", "/v1/batch", 405), ("POST", "/v1/nothing", 404)]
)
def test_what_does_not_exist_is_said_in_json(call: Caller, method: str, path: str, status: int) -> None:
    answer = call(method, path, b"{}")
    assert answer.status == status
    assert answer.json["message"]


def test_a_body_over_the_limit_is_413_and_four_megabytes_are_taken(call: Caller, source: SourceView) -> None:
    items = [{**EVENT, "messageId": f"m{n}", "properties": {"text": "x" * 30_000}} for n in range(140)]
    body = json.dumps({"batch": items}).encode()
    assert len(body) > 4_000_000
    assert call("POST", "/v1/batch", body, headers=basic(source.write_key)).json["accepted"] == 140
    assert call("POST", "/v1/batch", b" " * 9_000_000, headers=basic(source.write_key)).status == 413
