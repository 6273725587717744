"""Kafka topics into resolved profiles, beside librdkafka reading the same topics and nothing else, and beside as many
events of the same kind that come over HTTP.

`python benchmarks/streams.py [--events 200000]`. The broker is librdkafka's own mock cluster, in this process. One
process reads (or answers calls) while another applies, as the product does. The rate is that of the steady state: from
the first batch that was applied to the last; what a reader takes to start, and the second of quiet after which a turn
ends, are told apart. The calls do not go over a network: the door is called where it stands.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from typing import Any

from kit import load
from kit.report import Report
from kit.services import fresh_services, isolated
from kit.stream import Stream

# The mock cluster keeps five megabytes a partition, so a topic takes so many at the most.
_AT_ONCE = 20_000
_READER = """
import django
django.setup()
from django.conf import settings
settings.OUTBOUND_ALLOW = ["127.0.0.1"]
from common import clock
from connectors import services
services.read_streams(now=clock.now(), seconds=60.0)
"""
_CALLER = """
import base64, io, sys
import django
django.setup()
from connectors.sources.ingestion import Ingestion
door = Ingestion(nudge=lambda: None)
head = {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/batch", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_AUTHORIZATION": "Basic " + base64.b64encode(sys.argv[1].encode() + b":").decode()}
answers = []
for body in open(sys.argv[2], "rb"):
    environ = head | {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    list(door(environ, lambda status, *rest: answers.append(status)))
if set(one[:3] for one in answers) != {"200"}:
    sys.exit("the door refused calls")
"""


@dataclass
class Steady:
    """What one process brought while this one applied it: the seconds before the first batch, and after the last."""

    cost: load.Cost
    startup: float
    quiet: float


def _run(events: int) -> tuple[load.Cost, load.Cost, Steady, Steady, int]:
    with fresh_services():
        from django.conf import settings

        from cdp.pipeline.run import Applier
        from common import clock, pg
        from connectors import services
        from events import selectors as log
        from events import services as inbox

        settings.OUTBOUND_ALLOW = ["127.0.0.1"]
        bare, alone, stream = load.Cost(), load.Cost(), Stream(start=load.start_of_stream(20))
        with _broker() as servers, pg.connect(autocommit=True) as conn:
            inbox.ensure_inbox(conn, now=clock.now())
            for start in range(0, events, _AT_ONCE):
                topic = f"clicks-{start}"
                _fill(servers, topic, stream)
                bare += load.measure(lambda topic=topic: _consume(servers, topic))
                source = services.create_source(name=topic, kind="stream", by="benchmark", now=clock.now()).id
                services.keep_stream(
                    source_id=source, settings={"servers": servers, "protocol": "PLAINTEXT", "topic": topic},
                    secrets={}, by="benchmark", now=clock.now(),
                )  # fmt: skip
                if not start:
                    alone = load.measure(_read)
            applier = Applier()
            load.drain(conn, applier, clock.now)
            topics = _apply_beside(conn, applier, [sys.executable, "-c", _READER])
            key = services.create_source(name="calls", kind="server", by="benchmark", now=clock.now()).write_key
            with tempfile.NamedTemporaryFile() as bodies:
                for body, _ in stream.bodies(events - _AT_ONCE):
                    bodies.write(body + b"\n")
                bodies.flush()
                calls = _apply_beside(conn, applier, [sys.executable, "-c", _CALLER, key, bodies.name])
            applier.close()
        stored = sum(row[2] for row in log.tallies(since=load.start_of_stream(400)))
    return bare, alone, topics, calls, stored


def _apply_beside(conn: Any, applier: Any, command: list[str]) -> Steady:
    """One process brings events while this one applies them."""
    from common import clock
    from events import services as inbox

    other = subprocess.Popen(command, env=os.environ)
    began = time.perf_counter()
    while not inbox.waiting(conn):
        time.sleep(0.005)
    startup, last = time.perf_counter() - began, 0.0

    def apply() -> int:
        nonlocal last
        total = 0
        while other.poll() is None or inbox.waiting(conn):
            taken = applier.apply_batch(now=clock.now()).taken
            if taken:
                total, last = total + taken, time.perf_counter()
            else:
                time.sleep(0.005)
        return total

    first = time.perf_counter()
    cost = load.measure(apply)
    if other.wait():
        raise RuntimeError("the process that brought events failed")
    quiet = first + cost.wall - last
    return Steady(replace(cost, wall=last - first), startup, quiet)


class _broker:
    """A mock cluster of one broker; its address."""

    def __enter__(self) -> str:
        from confluent_kafka import Producer

        self._owner = Producer({"bootstrap.servers": "127.0.0.1:1", "test.mock.num.brokers": 1, "log_level": 0})
        (broker,) = self._owner.list_topics(timeout=10).brokers.values()
        return f"{broker.host}:{broker.port}"

    def __exit__(self, *_: object) -> None:
        del self._owner


def _fill(servers: str, topic: str, stream: Stream) -> None:
    from confluent_kafka import Producer

    producer = Producer({"bootstrap.servers": servers, "log_level": 0, "queue.buffering.max.messages": 1_000_000})
    for body, _ in stream.bodies(_AT_ONCE):
        for call in json.loads(body)["batch"]:
            producer.produce(topic, value=json.dumps(call).encode(), key=call["anonymousId"])
        producer.poll(0)
    if producer.flush(120):
        raise RuntimeError("the mock cluster did not take all messages")


def _consume(servers: str, topic: str) -> int:
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": servers, "group.id": "bare", "enable.auto.commit": False})
    parts = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign([TopicPartition(topic, part, 0) for part in parts])
    seen = 0
    while seen < _AT_ONCE:
        seen += sum(one.error() is None for one in consumer.consume(2_000, timeout=1.0))
    consumer.close()
    return seen


def _read() -> int:
    from common import clock
    from connectors import services

    return sum(done.accepted for done in services.read_streams(now=clock.now(), seconds=60.0).values())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    options = parser.parse_args()
    report = Report("streams")
    began = time.perf_counter()
    bare, alone, topics, calls, stored = isolated(_run, options.events)
    reference = f"librdkafka alone {bare.rate:.0f} messages/s, {bare.micros:.1f} µs"
    report.row("topic into the inbox", alone.rate, "events/s", reference=reference, ratio=alone.rate / bare.rate)
    report.row("topic into the inbox: processor time", alone.micros, "µs/event", reference=reference)
    over_http = f"over HTTP {calls.cost.rate:.0f} events/s, {calls.cost.micros:.1f} µs"
    ratio = topics.cost.rate / calls.cost.rate
    report.row(
        "topics into profiles", topics.cost.rate, "events/s", reference=over_http, ratio=ratio, least=10_000
    )  # fmt: skip
    report.row("topics into profiles: of the rate over HTTP", ratio, "ratio", reference=over_http, least=0.8)
    report.row(
        "topics into profiles: processor time of applier and database", topics.cost.micros, "µs/event",
        reference=over_http, ratio=topics.cost.micros / calls.cost.micros,
    )  # fmt: skip
    for name, one in (("topics", topics), ("calls", calls)):
        report.row(f"{name}: from the start of the process to the first batch", one.startup, "s")
        report.row(f"{name}: from the last batch to the end of the process", one.quiet, "s")
    sent = options.events * 2 - _AT_ONCE
    report.row("in the log", stored, "events", reference=f"{sent:,} sent, half a percent of them repeats")
    print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    return report.done()


if __name__ == "__main__":
    sys.exit(main())
