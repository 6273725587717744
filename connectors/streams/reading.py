"""A turn of reading: messages into the inbox, and the offsets moved in the same transaction.

The offsets are ours, in the database; the broker's consumer groups are not used. One worker reads a stream at a time
(an advisory lock of its session), so nothing is read twice at once, and what a killed worker had not committed is read
again.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import psycopg
import zstandard
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from common import clock
from connectors.destinations.kit import Outside
from connectors.kafka import client_config, meaning
from connectors.streams.contracts import Read
from connectors.streams.keeping import keep, plus
from connectors.streams.messages import Message
from connectors.streams.models import Stream, StreamOffset

_SECONDS = 8.0
_AT_ONCE = 2_000
# The client gathers messages for so long at the most: what a quiet topic brings is not held back.
_GATHER = 0.1
# A turn ends when nothing came for so long.
_QUIET = 1.0
_MOVE = """
update connectors_streamoffset o set next_offset = v.next, end_offset = greatest(o.end_offset, v.next)
from unnest(%(partitions)s::int[], %(nexts)s::bigint[]) v (partition, next)
where o.stream_id = %(stream)s and o.partition = v.partition
"""
_LOOKED = """
insert into connectors_streamoffset (stream_id, partition, next_offset, end_offset, lost)
values (%(stream)s, %(partition)s, %(next)s, %(end)s, %(lost)s)
on conflict (stream_id, partition) do update set next_offset = excluded.next_offset, end_offset = excluded.end_offset,
    lost = connectors_streamoffset.lost + excluded.lost
"""


class Reader:
    """Reads one stream for a turn."""

    def __init__(self, stream: Stream, secrets: dict[str, str], outside: Outside, ticker: clock.Ticker) -> None:
        self._stream, self._ticker, self._topic = stream, ticker, str(stream.settings["topic"])
        config = client_config(outside, stream.settings, secrets, seconds=_SECONDS)
        self._config = {**config, "group.id": "cdp", "enable.auto.commit": False, "enable.partition.eof": False}
        self._compressor = zstandard.ZstdCompressor(level=1)

    def turn(self, conn: psycopg.Connection[Any], *, seconds: float, after: Callable[[], None]) -> Read:
        """Read until nothing comes, or `seconds` are over. Raises DeliveryError."""
        try:
            with closing(Consumer(self._config)) as consumer:
                consumer.assign(self._places(consumer, conn))
                return self._read(consumer, conn, seconds=seconds, after=after)
        except KafkaException as error:
            raise meaning(error.args[0]) from error

    def _places(self, consumer: Consumer, conn: psycopg.Connection[Any]) -> list[TopicPartition]:
        """Where to go on in each partition there is; what the broker let go of meanwhile is counted as lost."""
        described = consumer.list_topics(self._topic, timeout=_SECONDS).topics[self._topic]
        if described.error is not None:
            raise KafkaException(described.error)
        known = dict(StreamOffset.objects.filter(stream=self._stream).values_list("partition", "next_offset"))
        places = []
        for partition in sorted(described.partitions):
            low, end = consumer.get_watermark_offsets(TopicPartition(self._topic, partition), timeout=_SECONDS)
            first = low if self._stream.settings.get("start", "earliest") == "earliest" or known else end
            start = known.get(partition, first)
            place = max(start, low)
            conn.execute(_LOOKED, {
                "stream": self._stream.pk, "partition": partition, "next": place, "end": end, "lost": place - start,
            })  # fmt: skip
            places.append(TopicPartition(self._topic, partition, place))
        return places

    def _read(
        self, consumer: Consumer, conn: psycopg.Connection[Any], *, seconds: float, after: Callable[[], None]
    ) -> Read:  # fmt: skip
        total, last = Read(), time.monotonic()
        end = last + seconds
        while time.monotonic() < end:
            came = [one for one in consumer.consume(_AT_ONCE, timeout=_GATHER) if not _passing(one.error())]
            if came:
                total = plus(total, self._keep(conn, came))
                after()
                last = time.monotonic()
            elif time.monotonic() > last + _QUIET:
                return total
        return Read(total.messages, total.accepted, total.refused, more=True)

    def _keep(self, conn: psycopg.Connection[Any], came: Sequence[Any]) -> Read:
        nexts: dict[int, int] = {}
        for one in came:
            nexts[one.partition()] = max(nexts.get(one.partition(), 0), one.offset() + 1)
        moved = {"stream": self._stream.pk, "partitions": list(nexts), "nexts": list(nexts.values())}
        return keep(
            conn, [_message(one) for one in came], source_id=self._stream.source_id, compressor=self._compressor,
            now=self._ticker(), move=lambda inner: inner.execute(_MOVE, moved),
        )  # fmt: skip


def _passing(error: KafkaError | None) -> bool:
    """Whether the client only tells of something that mends itself. Raises KafkaException for what does not."""
    if error is None:
        return False
    if error.code() in (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
        return True
    raise KafkaException(error)


def _message(one: Any) -> Message:
    kind, at = one.timestamp()
    return Message(one.topic(), f"{one.partition()}-{one.offset()}", at if kind else None, one.value() or b"")
