"""A turn of reading a Kinesis stream: records into the inbox, and the place in each shard moved with them.

Shards that were split or merged are read to their end before those that took over, so that what one key told stays in
order (https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-after-resharding.html).
"""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import zstandard

from common import clock
from connectors.destinations.errors import RateLimited
from connectors.destinations.kit import Account, Outside
from connectors.kinesis import IteratorExpired, ask
from connectors.streams.contracts import Read
from connectors.streams.keeping import keep, plus
from connectors.streams.messages import Message
from connectors.streams.models import Stream

_AT_ONCE = 2_000
# Five calls a second are allowed a shard.
_PAUSE = 0.2
# Records that Amazon's producer library has packed together begin with this.
_PACKED = b"\xf3\x89\x9a\xc2"
_KNOWN = "select shard, sequence, done, since from connectors_shardposition where stream_id = %s"
_MOVE = """
insert into connectors_shardposition (stream_id, shard, sequence, done, since, behind_ms, records)
values (%(stream)s, %(shard)s, %(sequence)s, %(done)s, %(since)s, %(behind)s, %(records)s)
on conflict (stream_id, shard) do update set done = excluded.done, behind_ms = excluded.behind_ms,
    sequence = case when excluded.sequence = '' then connectors_shardposition.sequence else excluded.sequence end,
    records = connectors_shardposition.records + excluded.records
"""


# After which sequence number, whether it is read to its end, and from when on.
_Position = tuple[str, bool, datetime | None]


class ShardReader:
    """Reads one stream for a turn."""

    def __init__(self, stream: Stream, secrets: dict[str, str], outside: Outside, ticker: clock.Ticker) -> None:
        self._stream, self._ticker, self._outside = stream, ticker, outside
        self._account = Account(id=stream.pk, settings=stream.settings, secrets=secrets)
        self._name = str(stream.settings["stream"])
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._iterators: dict[str, str | None] = {}

    def turn(self, conn: psycopg.Connection[Any], *, seconds: float, after: Callable[[], None]) -> Read:
        """Read until nothing comes, or `seconds` are over. Raises DeliveryError."""
        total, end = Read(), time.monotonic() + seconds
        while time.monotonic() < end:
            came = self._round(conn, after)
            total = plus(total, came)
            if not came.messages and not came.more:
                return total
            time.sleep(_PAUSE)
        return Read(total.messages, total.accepted, total.refused, more=True)

    def _round(self, conn: psycopg.Connection[Any], after: Callable[[], None]) -> Read:
        """Once through every shard that may be read. `more`: a shard came to its end, so others may be read now."""
        total = Read()
        listed = self._shards()
        known = self._known(conn) or self._first_look(conn, listed)
        for shard in _readable(listed, known):
            try:
                came = self._read(conn, shard, *known.get(shard, ("", False, None)))
            except RateLimited:
                break
            total = plus(total, came)
            if came.messages:
                after()
        return total

    def _known(self, conn: psycopg.Connection[Any]) -> dict[str, _Position]:
        rows = conn.execute(_KNOWN, [self._stream.pk]).fetchall()
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    def _first_look(self, conn: psycopg.Connection[Any], listed: Sequence[Mapping[str, Any]]) -> dict[str, _Position]:
        """From when on the shards are read that are there at first, kept, so that what comes between two looks is not
        passed over; later ones took over from others and are read from their beginning."""
        since = self._ticker() if self._stream.settings.get("start") == "latest" else None
        with conn.transaction():
            for one in listed:
                conn.execute(_MOVE, {
                    "stream": self._stream.pk, "shard": one["ShardId"], "done": False, "since": since, "sequence": "",
                    "records": 0, "behind": 0,
                })  # fmt: skip
        return self._known(conn)

    def _shards(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        wanted: dict[str, Any] = {"StreamName": self._name}
        while True:
            page = ask(self._outside, self._account, "ListShards", wanted)
            found += page.get("Shards") or []
            if not page.get("NextToken"):
                return found
            wanted = {"NextToken": page["NextToken"]}

    def _read(
        self, conn: psycopg.Connection[Any], shard: str, sequence: str, _done: bool, since: datetime | None
    ) -> Read:
        iterator = self._iterators.get(shard) or self._iterator(shard, sequence, since)
        try:
            page = ask(self._outside, self._account, "GetRecords", {"ShardIterator": iterator, "Limit": _AT_ONCE})
        except IteratorExpired:
            self._iterators.pop(shard, None)
            return Read(more=True)
        records, following = page.get("Records") or [], page.get("NextShardIterator")
        behind = int(page.get("MillisBehindLatest") or 0)
        place = {
            "stream": self._stream.pk, "shard": shard, "done": following is None, "since": since,
            "sequence": records[-1]["SequenceNumber"] if records else "", "records": len(records),
            "behind": behind,
        }  # fmt: skip
        came = keep(
            conn, self._messages(shard, records), source_id=self._stream.source_id, compressor=self._compressor,
            now=self._ticker(), move=lambda inner: inner.execute(_MOVE, place),
        )  # fmt: skip
        self._iterators[shard] = following
        return Read(came.messages, came.accepted, came.refused, more=following is None or behind > 0)

    def _iterator(self, shard: str, sequence: str, since: datetime | None) -> str:
        wanted: dict[str, Any] = {"StreamName": self._name, "ShardId": shard}
        if sequence:
            wanted |= {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence}
        elif since is not None:
            wanted |= {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": since.timestamp()}
        else:
            wanted |= {"ShardIteratorType": "TRIM_HORIZON"}
        return str(ask(self._outside, self._account, "GetShardIterator", wanted)["ShardIterator"])

    def _messages(self, shard: str, records: Sequence[Mapping[str, Any]]) -> list[Message]:
        return [
            Message(
                topic=f"{self._name}-{shard}", place=str(one["SequenceNumber"]),
                at_ms=_millis(one.get("ApproximateArrivalTimestamp")), value=_value(one.get("Data")),
            )
            for one in records
        ]  # fmt: skip


def _readable(listed: Sequence[Mapping[str, Any]], known: Mapping[str, _Position]) -> list[str]:
    """The shards that are not done, and whose parents are done or gone."""
    names = {str(one["ShardId"]) for one in listed}
    done = {name for name, (_, ended, _) in known.items() if ended}
    parents = {
        str(one["ShardId"]): {one.get("ParentShardId"), one.get("AdjacentParentShardId")} & names for one in listed
    }
    return sorted(name for name in names - done if parents[name] <= done)


def _millis(told: Any) -> int | None:
    if isinstance(told, int | float):
        return int(told * 1000)
    try:
        return int(datetime.fromisoformat(str(told)).astimezone(UTC).timestamp() * 1000)
    except ValueError:
        return None


def _value(data: Any) -> bytes:
    value = base64.b64decode(str(data or ""))
    if value.startswith(_PACKED):
        # Refused as no JSON would be, with words that tell what to do.
        return b"packed by the producer library: switch its aggregation off (AggregationEnabled = false)"
    return value
