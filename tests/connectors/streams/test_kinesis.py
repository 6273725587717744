"""Kinesis, with moto's server in its place: each record once, whatever dies, also when shards are split."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import boto3
import pytest
from moto.server import ThreadedMotoServer

from common import clock, pg
from connectors import selectors, services
from connectors.contracts import InvalidSettings, StreamView
from connectors.streams.models import ShardPosition
from connectors.streams.shards import _readable
from events import selectors as log
from events import services as events
from tests.connectors.killing import items_waiting, kill_worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def kinesis(endpoint: str) -> Any:
    return boto3.client(
        "kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )


@pytest.fixture
def source(transactional_db: None, settings: Any) -> int:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return services.create_source(name="Clicks", kind="stream", by="ann").id


def setup(source: int, endpoint: str, name: str, **more: Any) -> None:
    services.keep_stream(
        source_id=source, kind="kinesis", secrets={"secret_access_key": "s"}, by="ann", now=clock.now(),
        settings={"stream": name, "region": "us-east-1", "endpoint": endpoint, "access_key_id": "k", **more},
    )  # fmt: skip


def call(number: int) -> bytes:
    return json.dumps({"type": "track", "event": "Seen", "userId": f"u{number}"}).encode()


def put(kinesis: Any, name: str, *values: bytes) -> None:
    for start in range(0, len(values), 500):
        kinesis.put_records(
            StreamName=name,
            Records=[{"Data": one, "PartitionKey": f"{n}"} for n, one in enumerate(values[start : start + 500], start)],
        )


def read(seconds: float = 10.0) -> Any:
    return services.read_streams(now=clock.now(), seconds=seconds)


def shown(source: int) -> StreamView:
    found = selectors.stream(source)
    assert found is not None
    return found


def test_records_come_in_once_and_bad_ones_wait_in_the_quarantine(source: int, endpoint: str, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="clicks", ShardCount=2)
    setup(source, endpoint, "clicks")
    put(kinesis, "clicks", *(call(n) for n in range(20)), b"{", b"\xf3\x89\x9a\xc2packed")
    done = read()[source]
    assert (done.messages, done.accepted, done.refused) == (22, 20, 2)
    assert items_waiting() == 20
    assert any("AggregationEnabled" in one.item for one in log.quarantined())
    assert read()[source].messages == 0
    put(kinesis, "clicks", call(99))
    assert read()[source].accepted == 1
    view = shown(source)
    assert (view.name, view.problem, len(view.shards), sum(one.records for one in view.shards)) == ("clicks", "", 2, 23)


def test_a_stream_that_begins_with_the_next_one_passes_over_what_was_there(
    source: int, endpoint: str, kinesis: Any
) -> None:
    kinesis.create_stream(StreamName="later", ShardCount=2)
    put(kinesis, "later", *(call(n) for n in range(5)))
    time.sleep(1.1)  # moto keeps whole seconds of arrival
    setup(source, endpoint, "later", start="latest")
    assert read()[source].messages == 0
    put(kinesis, "later", *(call(n) for n in range(5, 9)))
    assert read()[source].accepted == 4


class Resharded(BaseHTTPRequestHandler):
    """A stream whose one shard was split, as the service's documentation has it (moto never closes a shard): the old
    one has three records and then no next iterator, its children one each."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        wanted = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = getattr(self, f"_{self.headers['x-amz-target'].rpartition('.')[2]}")(wanted)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _ListShards(self, _wanted: Any) -> Any:
        return {"Shards": [{"ShardId": "old"}, *({"ShardId": one, "ParentShardId": "old"} for one in ("n1", "n2"))]}

    def _GetShardIterator(self, wanted: Any) -> Any:
        return {"ShardIterator": f"{wanted['ShardId']}:{wanted.get('StartingSequenceNumber', '0')}"}

    def _GetRecords(self, wanted: Any) -> Any:
        shard, _, place = wanted["ShardIterator"].partition(":")
        self.asked.append(shard)
        told = [call(n) for n in range(3)] if shard == "old" else [call(10 if shard == "n1" else 20)]
        records = [
            {"SequenceNumber": str(n), "Data": base64.b64encode(one).decode(), "ApproximateArrivalTimestamp": 1.8e9}
            for n, one in enumerate(told, 1) if n == int(place) + 1
        ]  # fmt: skip
        following = f"{shard}:{int(place) + 1}" if records or shard != "old" else None
        return {"Records": records, "NextShardIterator": following, "MillisBehindLatest": 5 * len(records)}

    def log_message(self, *_: object) -> None:
        pass


def test_a_shard_that_was_split_is_read_to_its_end_before_those_that_took_over(source: int) -> None:
    Resharded.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Resharded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    setup(source, f"http://127.0.0.1:{server.server_port}", "split")
    wait_until(lambda: source in read() and items_waiting() == 5)
    server.shutdown()
    server.server_close()
    first_child = next(place for place, one in enumerate(Resharded.asked) if one != "old")
    assert Resharded.asked[:first_child].count("old") == 4
    assert "old" not in Resharded.asked[first_child:]
    assert {one.shard: one.done for one in ShardPosition.objects.all()} == {"old": True, "n1": False, "n2": False}


def test_children_wait_for_both_parents_and_not_for_parents_that_are_gone() -> None:
    listed = [
        {"ShardId": "a"}, {"ShardId": "b"}, {"ShardId": "c", "ParentShardId": "a", "AdjacentParentShardId": "b"},
        {"ShardId": "d", "ParentShardId": "gone"},
    ]  # fmt: skip
    assert _readable(listed, {}) == ["a", "b", "d"]
    assert _readable(listed, {"a": ("1", True, None)}) == ["b", "d"]
    assert _readable(listed, {"a": ("1", True, None), "b": ("1", True, None)}) == ["c", "d"]


def test_what_is_wrong_is_told_and_tried_again(source: int, endpoint: str, kinesis: Any) -> None:
    setup(source, endpoint, "nowhere")
    assert read()[source].messages == 0
    assert "no such stream" in shown(source).problem
    kinesis.create_stream(StreamName="nowhere", ShardCount=1)
    put(kinesis, "nowhere", call(1))
    assert read()[source].accepted == 1
    assert shown(source).problem == ""
    setup(source, "http://10.0.0.1:4566", "nowhere")
    read()
    assert "refused" in shown(source).problem
    with pytest.raises(InvalidSettings, match="kind"):
        services.keep_stream(source_id=source, kind="pulsar", settings={}, secrets={}, by="a", now=clock.now())


_WORKER = """
from connectors.streams import shards
shards._AT_ONCE, shards._PAUSE = 40, 0.0
services.read_streams(now=clock.now(), after=resting(0.02, steps=5))
"""


@pytest.mark.processes
def test_a_reader_that_is_killed_loses_no_record_and_repeats_none(source: int, endpoint: str, kinesis: Any) -> None:
    kinesis.create_stream(StreamName="kill", ShardCount=2)
    setup(source, endpoint, "kill")
    put(kinesis, "kill", *(call(n) for n in range(2_000)))
    for _ in range(2):
        before = items_waiting()
        kill_worker(_WORKER, when=lambda before=before: items_waiting() > before)  # type: ignore[misc]
    assert 0 < items_waiting() < 2_000
    wait_until(lambda: source in read(30))
    wait_until(lambda: items_waiting() == 2_000)
    assert read()[source].messages == 0
