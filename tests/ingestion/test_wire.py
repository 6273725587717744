"""Reading request bodies: what is taken, what is refused, and that one bad item costs no good one."""

import gzip
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.sources import wire


def usable(_kind: str, value: object) -> bool:
    return value not in (None, "", "null")


def track(**more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Seen", "userId": "ana", "messageId": "m1", **more}


def read(items: list[Any]) -> wire.Reading:
    return wire.read_batch(json.dumps({"batch": items}).encode(), usable=usable)


def documents(reading: wire.Reading) -> list[dict[str, Any]]:
    stored: list[dict[str, Any]] = json.loads(reading.document)["batch"]
    return stored


def test_a_clean_batch_is_kept_byte_for_byte() -> None:
    body = json.dumps({"batch": [track(), track(messageId="m2")], "sentAt": "2026-11-22T00:00:00Z"}).encode()
    reading = wire.read_batch(body, usable=usable)
    assert reading.document == body
    assert reading.message_ids == ["m1", "m2"]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (track(type="purchase"), "unknown_type"),
        (track(type=None), "unknown_type"),
        (track(event=""), "missing_event"),
        (track(event=["x"]), "wrong_type"),
        (track(userId=None), "no_identity"),
        (track(userId="null"), "unusable_identity"),
        (track(userId={"id": 1}), "wrong_type"),
        (track(userId=True), "wrong_type"),
        (track(userId="u" * 10_000), "id_too_long"),
        (track(properties="red"), "wrong_type"),
        (track(context=[1]), "wrong_type"),
        (track(messageId="m" * 10_000), "id_too_long"),
        (track(properties={"x": "y" * 40_000}), "too_large"),
        (5, "wrong_type"),
        (None, "wrong_type"),
    ],
)
def test_a_bad_item_is_refused_with_its_reason_and_the_others_are_taken(item: Any, reason: str) -> None:
    reading = read([track(messageId="first"), item, track(messageId="last")])
    assert [one.refusal.reason for one in reading.refused] == [reason]
    assert [one.index for one in reading.refused] == [1]
    assert reading.message_ids == ["first", "last"]
    assert [stored["messageId"] for stored in documents(reading)] == ["first", "last"]


@pytest.mark.parametrize("poison", [b"NaN", b"-Infinity", b"[" * 20_000, b"01", b'"\\x"', b"{]"])
def test_what_is_not_json_costs_only_its_own_item(poison: bytes) -> None:
    tail = b"]" * 20_000 if poison.startswith(b"[") else b""
    bad = b'{"type":"track","event":"e","userId":"u","properties":{"x":' + poison + tail + b"}}"
    body = b'{"batch":[' + json.dumps(track(messageId="good")).encode() + b"," + bad + b"]}"
    reading = wire.read_batch(body, usable=usable)
    assert reading.message_ids == ["good"]
    assert len(reading.refused) == 1


@pytest.mark.parametrize("number", ["1e400", "9" * 5000, "-0.000000000000000000001"])
def test_numbers_of_any_size_are_kept_as_they_came(number: str) -> None:
    body = b'{"batch":[{"type":"track","event":"e","userId":"u","messageId":"m","properties":{"x":%b}}]}'
    reading = wire.read_batch(body % number.encode(), usable=usable)
    assert number.encode() in reading.document


def test_text_that_postgresql_cannot_hold_is_replaced() -> None:
    body = (
        b'{"batch":[{"type":"track","event":"a\\u0000b","userId":"u","messageId":"m",'
        b'"properties":{"half":"\\ud83d","pair":"\\ud83d\\ude00","written":"\\\\u0000","raw":"\xff"}}]}'
    )
    (stored,) = documents(wire.read_batch(body, usable=usable))
    assert stored["event"] == "a\ufffdb"
    assert stored["properties"] == {"half": "\ufffd", "pair": "😀", "written": "\\u0000", "raw": "\ufffd"}


def test_the_path_tells_the_type_and_a_missing_message_id_is_made() -> None:
    reading = wire.read_single(b'{"event":"Seen","userId":7}', event_type="track", usable=usable)
    (stored,) = documents(reading)
    assert stored["type"] == "track"
    assert reading.message_ids == [stored["messageId"]]
    assert len(stored["messageId"]) == 36


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"x"', b"{", b'{"a":1}', b'{"batch":{}}', b"\xff\xfe"])
def test_a_body_that_is_no_batch_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(wire.BadRequest) as bad:
        wire.read_batch(body, usable=usable)
    assert bad.value.status == 400


def test_gzip_is_known_by_its_content_and_its_output_is_bounded() -> None:
    assert wire.unpack(gzip.compress(b"{}"), encoding="") == b"{}"
    with pytest.raises(wire.BadRequest) as bad:
        wire.unpack(gzip.compress(b" " * (wire.MAX_UNPACKED + 1)), encoding="gzip")
    assert bad.value.status == 413
    with pytest.raises(wire.BadRequest):
        wire.unpack(b"\x1f\x8bbroken", encoding="gzip")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=12,
)
fields = ["type", "event", "userId", "anonymousId", "messageId", "timestamp", "properties", "traits", "context", "name"]


@given(st.lists(st.dictionaries(st.sampled_from(fields), json_values) | json_values, max_size=6))
def test_every_item_gets_exactly_one_verdict(items: list[Any]) -> None:
    good = track(messageId="good")
    body = json.dumps({"batch": [*items, good]}).encode()
    reading = wire.read_batch(body, usable=usable)
    assert sorted(reading.indexes + [one.index for one in reading.refused]) == list(range(len(items) + 1))
    assert reading.message_ids[-1] == "good"
    assert len(documents(reading)) == len(reading.message_ids)
    assert not any(math.isnan(value) for value in _floats(documents(reading)))


def _floats(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [number for child in children for number in _floats(child)]
