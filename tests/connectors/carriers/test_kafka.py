"""Messages on a topic, with librdkafka's own mock cluster as the broker."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from connectors.destinations.errors import InvalidPayload, Misconfigured, Temporary
from connectors.destinations.kafka.destination import ProduceMessages, kafka
from connectors.destinations.kit import Account, Delivered, Operation, Outside, Payload
from tests.connectors.vendors.vendor import NOW, reaching


@pytest.fixture(scope="module")
def servers() -> Iterator[str]:
    owner = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=120).brokers.values()
    yield f"{broker.host}:{broker.port}"
    del owner


@pytest.fixture
def outside() -> Iterator[Outside]:
    with reaching() as made:
        yield made


def account(servers: str, **more: Any) -> Account:
    return Account(id=1, settings={"servers": servers, "protocol": "PLAINTEXT", **more})


def payload(number: int, topic: str, operation: Operation = "add", **traits: Any) -> Payload:
    fields: dict[str, Any] = {"topic": topic, "profile_id": str(number), "segment": "vips"}
    if traits:
        fields["traits"] = traits
    return Payload(id=f"msg_{operation}_{number}", operation=operation, fields=fields, at=NOW)


def messages(servers: str, topic: str, expected: int) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "g", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: list[Any] = []
    end = time.monotonic() + 120
    while len(found) < expected and time.monotonic() < end:
        found += [one for one in consumer.consume(100, timeout=0.5) if not one.error()]
    consumer.close()
    return found


def test_each_change_is_a_message_and_all_of_a_person_are_in_one_partition(outside: Outside, servers: str) -> None:
    action, target = ProduceMessages(), account(servers)
    entering = [payload(n, "people", plan="pro") for n in range(50)]
    leaving = [payload(n, "people", "remove") for n in range(50)]
    for batch in (entering, leaving):
        assert [type(one) for one in action.perform_batch(outside, target, batch)] == [Delivered] * 50
    found = messages(servers, "people", 100)
    assert len(found) == 100
    partitions: dict[bytes, set[int]] = {}
    for one in found:
        partitions.setdefault(one.key(), set()).add(one.partition())
    assert all(len(where) == 1 for where in partitions.values())
    body = json.loads(next(one for one in found if one.key() == b"7").value())
    assert body["type"] == "segment.member_added"
    assert body["data"] == {"profile_id": "7", "segment": "vips", "traits": {"plan": "pro"}}
    assert ("message-id", b"msg_add_7") in next(one for one in found if one.key() == b"7").headers()


def test_a_message_that_is_too_large_is_refused_and_the_others_go(outside: Outside, servers: str) -> None:
    rows = [payload(1, "large"), payload(2, "large", text="x" * 2_000_000), payload(3, "large")]
    verdicts = ProduceMessages().perform_batch(outside, account(servers), rows)
    assert [type(one) for one in verdicts] == [Delivered, InvalidPayload, Delivered]


def test_brokers_can_be_asked_for(outside: Outside, servers: str) -> None:
    assert kafka.test(outside, account(servers)).startswith("1 brokers")


class Impatient(ProduceMessages):
    seconds = 1.0


def test_brokers_that_do_not_answer_are_tried_again(outside: Outside) -> None:
    (verdict,) = Impatient().perform_batch(outside, account("127.0.0.1:1"), [payload(1, "people")])
    assert isinstance(verdict, Temporary)
    with pytest.raises(Temporary):
        kafka.test(outside, account("127.0.0.1:1"))


def test_brokers_inside_are_refused_unless_they_are_listed(outside: Outside) -> None:
    with pytest.raises(Misconfigured, match="refused"):
        ProduceMessages().perform_batch(outside, account("10.0.0.1:9092"), [payload(1, "people")])
    with pytest.raises(Misconfigured, match="host:port"):
        kafka.test(outside, account("broker"))


def test_settings_that_the_client_cannot_use_are_told(outside: Outside, servers: str) -> None:
    with pytest.raises(Misconfigured):
        kafka.test(outside, replace(account(servers), settings={"servers": servers, "protocol": "ODD"}))
