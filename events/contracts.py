"""The shapes that pass between the ingestion API, the inbox, the log and the pipeline. No Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

NAMED_BY_CALLER = "track"
EVENT_TYPES = frozenset({"track", "identify", "page", "screen", "group", "alias"})

Text = str | int | float | None


class Item(msgspec.Struct, gc=False):
    """One call of a Segment or RudderStack library as it came; objects stay raw JSON until somebody needs them.

    Fields as in Segment's spec (https://segment.com/docs/connections/spec/common/) plus RudderStack's. Ids may come as
    numbers; unknown keys are left behind.
    """

    type: str | None = None
    messageId: Text = None
    userId: Text = None
    anonymousId: Text = None
    event: Text = None
    name: Text = None
    category: Text = None
    groupId: Text = None
    previousId: Text = None
    timestamp: Text = None
    originalTimestamp: Text = None
    sentAt: Text = None
    properties: msgspec.Raw = msgspec.Raw(b"")
    traits: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")
    integrations: msgspec.Raw = msgspec.Raw(b"")


class Body(msgspec.Struct, gc=False):
    """A batch as it came; `context` here is the default of its items (Segment's batch call)."""

    batch: list[Item]
    sentAt: Text = None
    writeKey: Text = None
    context: msgspec.Raw = msgspec.Raw(b"")


class InboxRow(NamedTuple):
    """What one accepted request left in the inbox: a compressed `Body`, and what only the request knew."""

    id: int
    received_at: datetime
    source_id: int
    client_ip: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an item was not taken, in words for the person who sends it."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SessionView:
    """One visit. `entry` and `exit` are the first and last page or screen; `referrer` and `campaign` are of its first
    event, as the library told them."""

    started_at: datetime
    ended_at: datetime
    events: int
    pages: int
    source_ids: Sequence[int]
    entry: str
    exit: str
    referrer: str
    campaign: str

    @property
    def seconds(self) -> float:
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, slots=True)
class EventView:
    """One stored event for pages, the API and exports."""

    identifier_id: int
    source_id: int
    type: str
    name: str
    message_id: str
    occurred_at: datetime
    received_at: datetime
    properties: dict[str, object]
    envelope: dict[str, object]


@dataclass(frozen=True, slots=True)
class QuarantinedView:
    """One item that was refused or could not be applied, with the reason."""

    id: int
    source_id: int | None
    received_at: datetime
    stage: str
    reason: str
    detail: str
    item: str
    state: str


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far the pipeline is behind: requests and events accepted but not applied, and the age of the oldest."""

    requests: int
    events: int
    oldest_at: datetime | None


def rule_name(event_type: str, event: str | None) -> str:
    """The name by which rules and the log know an event: a track's own, else `$page`, `$identify` and so on."""
    return (event or "") if event_type == NAMED_BY_CALLER else f"${event_type}"


def text(value: Text) -> str | None:
    """An id as text: numbers are written out, the empty string is none."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
