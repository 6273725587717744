"""Topics read with librdkafka's own mock cluster as the broker: each message once, whatever dies."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from confluent_kafka import Producer

from cdp.pipeline.run import Applier
from common import clock, pg
from connectors import selectors, services
from connectors.contracts import InvalidSettings, StreamView
from connectors.streams.messages import Message, read_messages
from connectors.streams.models import Stream
from events import selectors as log
from events import services as events
from identity import selectors as identity
from tests.applying import apply_all
from tests.connectors.killing import items_waiting, kill_worker, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    owner = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=120).brokers.values()
    yield f"{broker.host}:{broker.port}"
    del owner


@pytest.fixture
def source(transactional_db: None, settings: Any) -> int:
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    with pg.connect(autocommit=True) as conn:
        events.ensure_inbox(conn, now=clock.now())
    return services.create_source(name="Orders", kind="stream", by="ann").id


def setup(source: int, servers: str, topic: str, **more: Any) -> StreamView:
    wanted = {"servers": servers, "protocol": "PLAINTEXT", "topic": topic, **more}
    return services.keep_stream(source_id=source, settings=wanted, secrets={}, by="ann", now=clock.now())


def send(servers: str, topic: str, *values: Any) -> None:
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    for number, value in enumerate(values):
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        producer.produce(topic, value=data, key=str(number))
    assert producer.flush(120) == 0


def call(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "Order Completed", "userId": f"u-{number}", **more}


def read(seconds: float = 15.0) -> Any:
    return services.read_streams(now=clock.now(), seconds=seconds)


def apply() -> None:
    applier = Applier()
    apply_all(applier, now=clock.now())
    applier.close()


def stream(source: int) -> StreamView:
    found = selectors.stream(source)
    assert found is not None
    return found


def test_messages_become_profiles_and_are_read_once(source: int, servers: str) -> None:
    setup(source, servers, "once")
    send(servers, "once", *(call(n) for n in range(300)), {"batch": [call(300), call(301)]})
    assert read()[source].accepted == 302
    assert read()[source].messages == 0
    send(servers, "once", call(302))
    assert read()[source].accepted == 1
    apply()
    assert identity.find_profile("user_id", "u-301") is not None
    assert sum(row[2] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 303
    found = stream(source)
    assert (found.lag, found.problem, len(found.partitions)) == (0, "", 4)
    assert sum(one.next_offset for one in found.partitions) == 302


def test_what_is_no_call_goes_to_the_quarantine_and_the_others_come_in(source: int, servers: str) -> None:
    setup(source, servers, "odd")
    send(servers, "odd", call(1), b"{not json", [1], {"type": "track", "event": "X"}, b"", call(2))
    turn = read()[source]
    assert (turn.accepted, turn.refused) == (2, 4)
    assert {one.reason for one in log.quarantined()} == {"invalid_json", "wrong_type", "no_identity"}


def test_a_call_gets_its_place_as_its_id_and_the_brokers_time() -> None:
    at = 1_780_000_000_000
    items = read_messages([
        Message("t", "3-7", at, b'{"type":"track","event":"E","userId":"1"}'),
        Message("t", "3-8", at, b'{"batch":[{"type":"track","event":"E","userId":"1"},'
                               b'{"type":"track","event":"E","userId":"1","messageId":"m","timestamp":"2020-01-01"}]}'),
    ])  # fmt: skip
    first, second, third = (json.loads(one) for one in items.accepted)
    assert (first["messageId"], first["timestamp"]) == ("t-3-7", "2026-05-28T20:26:40.000Z")
    assert second["messageId"] == "t-3-8-0"
    assert (third["messageId"], third["timestamp"]) == ("m", "2020-01-01")


def test_reading_can_begin_with_what_comes_from_now_on(source: int, servers: str) -> None:
    send(servers, "late", *(call(n) for n in range(20)))
    setup(source, servers, "late", start="latest")
    assert read()[source].accepted == 0
    send(servers, "late", call(99))
    assert read()[source].accepted == 1


def test_a_paused_stream_is_not_read_and_goes_on_where_it_stood(source: int, servers: str) -> None:
    setup(source, servers, "pause")
    send(servers, "pause", call(1))
    assert read()[source].accepted == 1
    services.switch_stream(source_id=source, enabled=False, by="ann")
    send(servers, "pause", call(2))
    assert read() == {}
    services.switch_stream(source_id=source, enabled=True, by="ann")
    assert read()[source].accepted == 1


def test_another_topic_begins_at_its_own_beginning(source: int, servers: str) -> None:
    setup(source, servers, "old")
    send(servers, "old", *(call(n) for n in range(5)))
    assert read()[source].accepted == 5
    send(servers, "new", call(1), call(2))
    setup(source, servers, "new")
    assert read()[source].accepted == 2


def test_a_broker_that_cannot_be_reached_is_told_and_tried_again(
    source: int, servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.streams.reading._SECONDS", 1.0)
    setup(source, "127.0.0.1:1", "gone")
    assert read()[source].messages == 0
    assert "Kafka did not do it" in stream(source).problem
    setup(source, "10.0.0.1:9092", "gone")
    read()
    assert "refused" in stream(source).problem
    setup(source, servers, "gone")
    send(servers, "gone", call(1))
    assert read()[source].accepted == 1
    assert stream(source).problem == ""


def test_settings_are_checked_and_a_password_is_kept_and_hidden(source: int, servers: str) -> None:
    with pytest.raises(InvalidSettings, match="topic"):
        services.keep_stream(source_id=source, settings={"servers": "a:1"}, secrets={}, by="ann", now=clock.now())
    wanted = {"servers": servers, "topic": "t", "user": "cdp"}
    services.keep_stream(source_id=source, settings=wanted, secrets={"password": "hunter2"}, by="ann", now=clock.now())
    services.keep_stream(source_id=source, settings=wanted, secrets={}, by="ann", now=clock.now())
    assert stream(source).secrets_set == ("password",)
    assert "hunter2" not in str(Stream.objects.values())


def test_one_worker_reads_a_stream_at_a_time(source: int, servers: str) -> None:
    kept = setup(source, servers, "turn")
    send(servers, "turn", call(1))
    with pg.connect(autocommit=True) as other:
        assert pg.try_lock(other, 0x73747265, kept.id)
        assert read() == {}
    wait_until(lambda: source in read())
    assert items_waiting() == 1


def test_a_stream_that_waits_for_its_broker_delays_no_other(source: int, servers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        setup(source, f"127.0.0.1:{silent.getsockname()[1]}", "silent")
        other = services.create_source(name="Clicks", kind="stream", by="ann").id
        setup(other, servers, "quick")
        send(servers, "quick", call(1), call(2))
        turn = threading.Thread(target=read)
        turn.start()
        wait_until(lambda: items_waiting() == 2)
        assert turn.is_alive(), "the first one is still waiting"
        turn.join()


def test_a_complete_call_is_kept_byte_for_byte() -> None:
    raw = (
        b'{ "type":"track","event":"E","userId":"1","messageId":"m","timestamp":"2020-01-01","properties":{"n":1.10} }'
    )
    items = read_messages([Message("t", "1-1", 0, raw), Message("t", "1-2", 0, raw.replace(b"1.10", b'"\\ud800"'))])
    assert items.accepted == [raw]
    assert [why.reason for why, _, _ in items.refused] == ["invalid_json"]


_WORKER = """
from connectors.streams import reading
reading._AT_ONCE = 50
services.read_streams(now=clock.now(), after=resting(0.02, steps=5))
"""


@pytest.mark.processes
def test_a_reader_that_is_killed_loses_no_message_and_repeats_none(source: int, servers: str) -> None:
    setup(source, servers, "kill")
    send(servers, "kill", *(call(n) for n in range(3_000)))
    for _ in range(3):
        before = items_waiting()
        kill_worker(_WORKER, when=lambda before=before: items_waiting() > before)  # type: ignore[misc]
    assert 0 < items_waiting() < 3_000
    wait_until(lambda: source in read(30))
    wait_until(lambda: items_waiting() == 3_000)
    assert read()[source].messages == 0
    apply()
    assert sum(row[2] for row in log.tallies(since=clock.now() - timedelta(hours=2))) == 3_000
