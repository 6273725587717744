"""Hostile input against the running server: never an answer of 5xx, and whatever was called accepted is in the log
exactly once."""

import base64
import contextlib
import gzip
import json
import random
import re
import socket
import string
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import httpx
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.pipeline.run import Applier, drain
from common import clock, pg
from connectors.sources.ingestion import BATCH_PATHS, SINGLE_PATHS
from connectors.sources.services import create_source
from events.services import ensure_inbox, waiting
from tests.server import web_server

PATHS = [*sorted(BATCH_PATHS), *sorted(SINGLE_PATHS)]
OTHERS = [
    "/v1/m",
    "/v1/projects/x/settings",
    "/sourceConfig/",
    "/v1/",
    "/v1/batch/",
    "/v1/%00",
    "/v1/nothing",
    "/beacon/v1",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
QUICK = settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
serial = count(1)
ANSWER = re.compile(rb"HTTP/1\.[01] .*?content-length: (?P<length>\d+)\r\n.*?\r\n\r\n", re.DOTALL | re.IGNORECASE)


class Door:
    """Sends to the server, refuses to see a 5xx, and remembers which message ids were called accepted."""

    def __init__(self, port: int, key: str) -> None:
        self.port, self.key = port, key
        self.accepted: list[str] = []
        self.refused: list[str] = []
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, trust_env=False)
        self.authorization = "Basic " + base64.b64encode(f"{key}:".encode()).decode()

    def send(self, body: bytes, path: str = "/v1/batch", **headers: str) -> int:
        content = {"Authorization": self.authorization, "Content-Type": "application/json", **headers}
        answer = self.client.post(path, content=body, headers=content)
        return self.read(answer.status_code, answer.content, body)

    def send_items(self, *items: bytes) -> None:
        """A batch between two good events, which must be taken whatever stands between them."""
        first, last = good(), good()
        assert self.send(b'{"batch":[' + b",".join([first, *items, last]) + b"]}") == 200
        assert {json.loads(first)["messageId"], json.loads(last)["messageId"]} <= set(self.accepted)

    def send_raw(self, request: bytes, *, patience: float = 120.0) -> int:
        """Bytes as they are on a connection of their own; 0 when the server closes it or says nothing."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as line:
            line.sendall(request)
            return self.read(*answer_on(line), request)

    def read(self, status: int, content: bytes, sent: bytes) -> int:
        assert status < 500, (status, content[:300], sent[:300])
        if status == 200 and b'"items"' in content:
            for item in json.loads(content)["items"]:
                if item["verdict"] == "accepted":
                    self.accepted.append(item["messageId"])
                elif item["verdict"] == "refused":
                    self.refused.append(item["reason"])
        return status

    def head(self, path: str = "/v1/batch", *more: str) -> bytes:
        lines = [f"POST {path} HTTP/1.1", "Host: cdp.example.com", f"Authorization: {self.authorization}", *more]
        return "\r\n".join([*lines, "", ""]).encode()


@pytest.fixture(scope="module")
def web(django_db_setup: None) -> Iterator[int]:
    with web_server() as port:
        yield port


@pytest.fixture
def door(web: int) -> Iterator[Door]:
    """A door whose accepted events are looked for in the log when the test has ended."""
    with pg.connect(autocommit=True) as conn:
        ensure_inbox(conn, now=clock.now())
    door = Door(web, create_source(name="Fuzz", kind="web", by="tests").write_key)
    yield door
    door.client.close()
    assert_accepted_is_stored_once(door)


def assert_accepted_is_stored_once(door: Door) -> None:
    applier = Applier()
    deadline = time.monotonic() + 180
    with pg.connect(autocommit=True) as conn:
        while waiting(conn) and time.monotonic() < deadline:  # after a setback it goes on in smaller parts
            drain(applier, stay=0)
    applier.close()
    with connection.cursor() as cursor:
        cursor.execute("select reason, detail, left(item, 200) from events_quarantineditem where stage = 'apply'")
        assert cursor.fetchall() == []
        cursor.execute("select message_id from events_event")
        stored = [row[0] for row in cursor.fetchall()]
    assert sorted(stored) == sorted(door.accepted)
    assert len(set(stored)) == len(stored)


def answer_on(line: socket.socket) -> tuple[int, bytes]:
    """Status and body of the first answer; 0 when none comes."""
    data = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        while not (whole := ANSWER.match(data)) or len(data) < whole.end() + int(whole["length"]):
            chunk = line.recv(65536)
            if not chunk:
                break
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return (int(head.split()[1]) if head else 0), body


def event(**fields: object) -> dict[str, object]:
    return {"type": "track", "event": "Seen", "userId": "ana", "messageId": f"m{next(serial)}", **fields}


def good() -> bytes:
    return json.dumps(event()).encode()


def with_value(field: str, value: bytes) -> bytes:
    """An event whose `field` is JSON text of ours."""
    return json.dumps(event(**{field: "@"})).encode().replace(b'"@"', value)


def hard_text(length: int) -> str:
    """Text that no index can press into a page."""
    return "".join(chr(random.randint(0x4E00, 0x9FFF)) for _ in range(length))


HOSTILE = {
    "not a number": b"NaN",
    "infinity": b"-Infinity",
    "over a double": b"1e400",
    "over what a numeric holds": b"1e200000",
    "an exponent of nine digits": b"-1e999999999",
    "under what a numeric holds": b"1e-20000",
    "an exponent past a word": b"1e99999999999999999999",
    "5,000 digits": b"9" * 5_000,
    "30,000 digits": b"7" * 30_000,
    "a million digits": b"7" * 1_000_000,
    "20,000 decimals": b"0." + b"3" * 20_000,
    "negative zero": b"-0.0",
    "nested 500": b"[" * 500 + b"]" * 500,
    "nested 3,000": b"[" * 3_000 + b"]" * 3_000,
    "nested 10,000": b"[" * 10_000 + b"]" * 10_000,
    "objects nested 3,000": b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    "half a surrogate pair": b'"\\ud83d"',
    "the other half": b'"\\ude00x"',
    "nul": b'"a\\u0000b"',
    "a raw control character": b'"a\x01b"',
    "invalid UTF-8": b'"\xff\xfe\xc3"',
    "overlong UTF-8": b'"\xc0\x80"',
    "surrogates in UTF-8": b'"\xed\xa0\x80"',
    "10,000 characters": b'"' + b"x" * 10_000 + b'"',
    "500 hard characters": json.dumps(hard_text(500)).encode(),
    "1,000 hard characters": json.dumps(hard_text(1_000)).encode(),
    "1,000 hard characters raw": b'"' + hard_text(1_000).encode() + b'"',
    "year 1": b'"0001-01-01T00:00:00Z"',
    "year 9999": b'"9999-12-31T23:59:59.999999-23:59"',
    "year 10000": b'"10000-01-01T00:00:00Z"',
    "no date": b'"the day before yesterday"',
    "an empty text": b'""',
    "null": b"null",
    "true": b"true",
    "an object": b'{"a":{"b":[1,null,{}]}}',
    "a list": b"[1,[2,[3]]]",
    "an object with a long key": b'{"%s":1}' % hard_text(2_000).encode(),
    "an object with an empty key": b'{"":1,"":2}',
    "an object with nul in a key": b'{"a\\u0000":1,"a\\ufffd":2}',
    "an object with a huge number": b'{"revenue":1e200000,"value":-1e-20000}',
    "an object with everything wrong": b'{"email":7,"phone":[1],"createdAt":{"x":1},"address":"no","externalIds":3}',
}
FIELDS = [
    "type", "messageId", "userId", "anonymousId", "event", "name", "category", "groupId", "previousId", "timestamp",
    "originalTimestamp", "sentAt", "properties", "traits", "context", "integrations", "receivedAt", "version",
]  # fmt: skip


@pytest.mark.parametrize("kind", ["track", "identify", "page", "group", "alias"])
def test_any_value_in_any_field_costs_at_most_its_own_item(door: Door, kind: str) -> None:
    for value in HOSTILE.values():
        items = [with_value(field, value).replace(b'"track"', f'"{kind}"'.encode(), 1) for field in FIELDS]
        few = len(items) if len(value) < 50_000 else 2
        for start in range(0, len(items), few):
            door.send_items(*items[start : start + few])


def test_any_value_around_the_items_is_survived(door: Door) -> None:
    for value in HOSTILE.values():
        for field in ("sentAt", "context", "writeKey", "batch", "extra"):
            door.send(b'{"%s":%s,"batch":[%s]}' % (field.encode(), value, good()))
            door.send(b'{"batch":[%s],"%s":%s}' % (good(), field.encode(), value))
        door.send(b'{"batch":[' + value + b"]}")
        door.send(b'{"batch":[' + value[: len(value) // 2] + good())
        door.send(value)
        door.send(value, "/v1/track")
        door.send(with_value("properties", value), "/v1/t")


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(), max_size=30)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts() | st.integers(-(10**400), 10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts(), inner, max_size=4),
    max_leaves=10,
)
ids = st.sampled_from(["ana", "bob", "", "null", 7, 7.5, None]) | texts()
items = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias"]) | values},
    optional={
        **{field: values for field in FIELDS if field != "type"},
        "userId": ids,
        "anonymousId": ids,
        "event": texts(),
        "properties": st.dictionaries(texts(), values, max_size=4) | values,
        "traits": st.dictionaries(
            st.sampled_from(["email", "phone", "plan", "firstName"]) | texts(), values, max_size=4
        ),
        "context": st.dictionaries(st.sampled_from(["traits", "ip", "device", "externalIds"]), values, max_size=3),
    },
)


def test_batches_of_anything(door: Door) -> None:
    @QUICK
    @given(st.lists(items | values, max_size=8))
    def send(batch: list[Any]) -> None:
        door.send_items(*(json.dumps(item).encode() for item in batch))

    send()
    assert len(door.accepted) > 100


def test_single_calls_of_anything(door: Door) -> None:
    @QUICK
    @given(st.sampled_from(PATHS), items | values)
    def send(path: str, item: Any) -> None:
        door.send(json.dumps(item).encode(), path)

    send()


def test_spoiled_bytes_and_wrong_labels(door: Door) -> None:
    labels = ["", "gzip", "deflate", "br", "gzip, gzip", "identity", "\x7f"]

    @QUICK
    @given(st.data())
    def send(data: st.DataObject) -> None:
        body = b'{"batch":[' + b",".join(good() for _ in range(data.draw(st.integers(0, 3)))) + b"]}"
        if data.draw(st.booleans()):
            body = gzip.compress(body, mtime=0)
        for _ in range(data.draw(st.integers(0, 3))):
            at = int(data.draw(st.floats(0, 1)) * len(body))
            body = body[:at] + data.draw(st.binary(max_size=3)) + body[at + data.draw(st.integers(0, 3)) :]
        body = data.draw(st.sampled_from([body, body[: len(body) // 2]]) | st.binary(max_size=200))
        door.send(body, data.draw(st.sampled_from(PATHS)), **{"Content-Encoding": data.draw(st.sampled_from(labels))})

    send()


def test_every_method_on_every_path(door: Door) -> None:
    for path in [*PATHS, *OTHERS]:
        for method in METHODS:
            head = door.head(path, "Content-Length: 2", "Connection: close").replace(b"POST", method.encode(), 1)
            assert door.send_raw(head + b"{}") != 0, (method, path)


def test_keys_of_any_kind(door: Door) -> None:
    keys = [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + "x" * 5_000,
        "Bearer x",
        "Basic " + base64.b64encode(b"\xff\x00").decode(),
    ]
    for key in keys:
        assert door.send(b'{"batch":[%s]}' % good(), Authorization=key) == 401
    for query in ("writeKey=%00", "writeKey=%ff%fe", "writeKey=" + "x" * 5_000, "&".join(["writeKey=a"] * 500), "%"):
        assert door.send(b'{"batch":[%s]}' % good(), f"/beacon/v1/batch?{query}", Authorization="") in (400, 401)


def test_lengths_that_lie(door: Door) -> None:
    body = b'{"batch":[' + good() + b"]}"
    assert door.send_raw(
        door.head("/v1/batch", f"Content-Length: {len(body) + 50}", "Connection: close") + body, patience=1
    ) in (
        0,
        400,
    )
    assert door.send_raw(door.head("/v1/batch", "Content-Length: 10", "Connection: close") + body) == 400
    for length in ("-1", "ten", "99999999999999999999", "1e3", "5, 6"):
        door.send_raw(door.head("/v1/batch", f"Content-Length: {length}", "Connection: close") + body, patience=1)


def test_bodies_in_chunks(door: Door) -> None:
    def chunked(parts: list[bytes]) -> bytes:
        return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*parts, b""])

    head = door.head("/v1/batch", "Transfer-Encoding: chunked", "Connection: close")
    body = b'{"batch":[' + good() + b"]}"
    assert door.send_raw(head + chunked([body[i : i + 7] for i in range(0, len(body), 7)])) == 200
    assert door.send_raw(head + chunked([b"x" * 1_000_000] * 9)) in (0, 413)
    for broken in (b"zz\r\n{}\r\n0\r\n\r\n", b"5\r\n{", b"ffffffffffffffffff\r\n", chunked([body])[:-5], b""):
        door.send_raw(head + broken, patience=1)


def test_slow_senders_stop_nobody(door: Door) -> None:
    body = b'{"batch":[' + good() + b"]}"
    head = door.head("/v1/batch", f"Content-Length: {len(body)}", "Connection: close")
    # More than the eight threads that work; only spare ones can serve the others.
    stuck = [socket.create_connection(("127.0.0.1", door.port), timeout=180) for _ in range(16)]
    for line in stuck:
        line.sendall(head + body[:5])
    time.sleep(0.5)
    for _ in range(20):
        assert send_like_an_sdk(door, b'{"batch":[' + good() + b"]}") == 200
    for place in range(5, len(body), 10):
        stuck[0].sendall(body[place : place + 10])
        time.sleep(0.05)
    assert door.read(*answer_on(stuck[0]), body) == 200
    for line in stuck:
        line.close()
    assert door.send(b'{"batch":[' + good() + b"]}") == 200


def send_like_an_sdk(door: Door, body: bytes) -> int:
    """Libraries send again when no answer comes. Where the stuck senders hold every thread, no try is answered, however
    often; where a busy machine stood still, the next one is."""
    for _ in range(3):
        with contextlib.suppress(httpx.TimeoutException):
            return door.send(body)
    return door.send(body)


def test_random_words_as_requests(door: Door) -> None:
    letters = string.printable.encode()

    @settings(QUICK, max_examples=30)
    @given(st.lists(st.sampled_from(letters), max_size=60).map(bytes), st.binary(max_size=60))
    def send(words: bytes, after: bytes) -> None:
        door.send_raw(b"G" + words + b"\r\n\r\n" + after, patience=0.3)
        door.send_raw(door.head() + after, patience=0.3)

    send()
