"""What this package hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors import kafka, kinesis
from connectors.destinations.kit import Field


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What to ask for when a stream is set up; `place` are the settings that say which stream it is."""

    label: str
    settings: Mapping[str, Field]
    place: Sequence[str]


_START = Field(
    label="Begin", type="choice", default="earliest",
    choices=(("earliest", "with the oldest message"), ("latest", "with the next one")),
)  # fmt: skip
STREAM_KINDS: Mapping[str, StreamKind] = {
    "kafka": StreamKind(
        "Kafka topic", {**kafka.SETTINGS, "topic": Field(label="Topic", required=True), "start": _START},
        ("servers", "topic"),
    ),
    "kinesis": StreamKind(
        "Kinesis data stream", {**kinesis.SETTINGS, "start": _START}, ("region", "endpoint", "stream")
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class PartitionView:
    """How far one partition was read; `lag` messages wait, `lost` were gone before they could be read."""

    partition: int
    next_offset: int
    end_offset: int
    lost: int

    @property
    def lag(self) -> int:
        return max(0, self.end_offset - self.next_offset)


@dataclass(frozen=True, slots=True)
class ShardView:
    """How far one shard was read: seconds behind its newest record when it was last looked at; `done` when it is closed
    and read to its end."""

    shard: str
    behind_seconds: float
    records: int
    done: bool


@dataclass(frozen=True, slots=True)
class StreamView:
    """The stream of a source. `problem` says in words why it is not read, if so."""

    id: int
    source_id: int
    kind: str
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    enabled: bool
    problem: str
    last_read_at: datetime | None
    partitions: Sequence[PartitionView]
    shards: Sequence[ShardView]

    @property
    def name(self) -> str:
        return str(self.settings.get("topic") or self.settings.get("stream") or "")

    @property
    def behind_seconds(self) -> float:
        return max((one.behind_seconds for one in self.shards if not one.done), default=0.0)

    @property
    def lag(self) -> int:
        return sum(one.lag for one in self.partitions)


@dataclass(frozen=True, slots=True)
class Read:
    """What one turn read: messages, and of their items those that were accepted and refused."""

    messages: int = 0
    accepted: int = 0
    refused: int = 0
    more: bool = False
