"""A Kafka topic: one message for each change, keyed by the person, so that all of one person are in one partition.

The producer is idempotent and waits for all replicas (librdkafka: enable.idempotence, acks=all); each message has its
own verdict from its delivery report. The `message-id` header is the same at every try of the engine.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

import orjson
from confluent_kafka import KafkaError, KafkaException, Producer

from common import clock
from connectors.destinations.errors import Misconfigured, Temporary
from connectors.destinations.kit import Account, Action, Delivered, Destination, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path
from connectors.kafka import SETTINGS, client_config, meaning

_TEST_SECONDS = 4.0
_TYPES = {"add": "segment.member_added", "update": "profile.updated", "remove": "segment.member_removed"}


class ProduceMessages(Action):
    """One message for each change of membership."""

    slug = "messages"
    label = "Send messages"
    description = "A JSON message when a person enters, changes or leaves."
    fields = {
        "topic": Field(label="Topic", required=True, constant=True, key=True),
        "profile_id": Field(label="Profile id", key=True, required=True, default=path("profile.id"), help="The key."),
        "segment": Field(label="Segment", key=True, default=path("segment.slug")),
        "identifier": Field(
            label="Identifier", type="object", key=True,
            default={"kind": path("target.kind"), "value": path("target.value")},
        ),
        "traits": Field(label="Traits", type="object", default={}),
    }  # fmt: skip
    batch_size = 1_000
    calls_per_second = 50.0
    # How long a message may take; a batch ends well within the lease of its rows.
    seconds: ClassVar[float] = 20.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        verdicts: dict[str, Verdict] = {}
        producer = _producer(outside, account, seconds=self.seconds)
        for payload in payloads:
            _produce(producer, payload, partial(_note, verdicts, payload.id))
        producer.flush(self.seconds + 5)
        unknown = Temporary("The broker did not answer in time.", code="kafka_no_answer")
        return [verdicts.get(payload.id, unknown) for payload in payloads]


def _produce(producer: Producer, payload: Payload, told: Callable[[Any, Any], None]) -> None:
    fields = {name: value for name, value in payload.fields.items() if name != "topic"}
    body = {"type": _TYPES[payload.operation], "timestamp": clock.iso(payload.at), "data": fields}
    try:
        producer.produce(
            str(payload.fields["topic"]), key=str(payload.fields["profile_id"]).encode(), value=orjson.dumps(body),
            headers={"message-id": payload.id.encode(), "content-type": b"application/json"}, on_delivery=told,
        )  # fmt: skip
    except KafkaException as error:
        told(error.args[0], None)
    except BufferError as error:
        raise Temporary("The broker takes messages too slowly.", code="kafka_queue_full") from error
    producer.poll(0)


def _note(verdicts: dict[str, Verdict], payload_id: str, error: KafkaError | None, _: Any) -> None:
    verdicts[payload_id] = Delivered() if error is None else meaning(error)


def _producer(outside: Outside, account: Account, *, seconds: float) -> Producer:
    config = client_config(outside, account.settings, account.secrets, seconds=seconds)
    config |= {
        "enable.idempotence": True, "acks": "all", "linger.ms": 5, "compression.type": "zstd",
        "message.timeout.ms": int(seconds * 1000),
    }  # fmt: skip
    try:
        return Producer(config)
    except (KafkaException, ValueError) as error:
        raise Misconfigured("The settings cannot be used by Kafka's client.", code="kafka_config") from error


def test(outside: Outside, account: Account) -> str:
    """Ask for the brokers."""
    producer = _producer(outside, account, seconds=_TEST_SECONDS)
    started = time.monotonic()
    try:
        found = producer.list_topics(timeout=_TEST_SECONDS)
    except KafkaException as error:
        raise meaning(error.args[0]) from error
    return f"{len(found.brokers)} brokers answered within {time.monotonic() - started:.1f} s."


kafka = Destination(
    slug="kafka",
    label="Kafka topic",
    description="A message for each change, keyed by the person.",
    settings=SETTINGS,
    actions={ProduceMessages.slug: ProduceMessages()},
    test=test,
    api_version="Kafka 2.1 or newer",
    verified="2026-11",
)  # fmt: skip
