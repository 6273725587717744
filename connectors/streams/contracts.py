"""What this package hands out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connectors.destinations.kit import Field
from connectors.kafka import SETTINGS


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What to ask for when a stream is set up."""

    settings: Mapping[str, Field]


STREAM_KIND = StreamKind({
    **SETTINGS,
    "topic": Field(label="Topic", required=True),
    "start": Field(
        label="Begin", type="choice", default="earliest",
        choices=(("earliest", "with the oldest message"), ("latest", "with the next one")),
    ),
})  # fmt: skip


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
class StreamView:
    """The stream of a source. `problem` says in words why it is not read, if so."""

    id: int
    source_id: int
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    enabled: bool
    problem: str
    last_read_at: datetime | None
    partitions: Sequence[PartitionView]

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
