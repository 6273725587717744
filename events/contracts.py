"""The shapes that pass between the ingestion API, the inbox, the log and the pipeline. No Django."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

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


class Received(msgspec.Struct, gc=False):
    """What the request of a person's device told, as we noted it."""

    userAgent: str = ""
    language: str = ""


class Body(msgspec.Struct, gc=False):
    """A batch as it came; `context` here is the default of its items (Segment's batch call)."""

    batch: list[Item]
    sentAt: Text = None
    writeKey: Text = None
    context: msgspec.Raw = msgspec.Raw(b"")
    # Ours (`Received`); raw, because anybody may send a member of this name.
    received: msgspec.Raw = msgspec.Raw(b"")


class InboxRow(NamedTuple):
    """What one accepted request left in the inbox: a compressed `Body`, and what only the request knew."""

    id: int
    received_at: datetime
    source_id: int
    client_ip: str | None
    body: bytes
    events: int = 0


class Damaged(NamedTuple):
    """A row of the inbox whose document cannot be read any more: why, and what of it can be."""

    row: InboxRow
    why: str
    readable: bytes


class Tallied(NamedTuple):
    """What became of the items of a source: stored, known already, refused, dropped because an identifier is
    suppressed, because consent is missing, or because a robot sent them."""

    applied: int = 0
    duplicates: int = 0
    refused: int = 0
    suppressed: int = 0
    unconsented: int = 0
    robots: int = 0

    @property
    def withheld(self) -> int:
        """Good items that were not stored."""
        return self.suppressed + self.unconsented + self.robots


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
    """One item that was refused or could not be applied, with the reason. `item` is as it came; `replayed_as` is what
    was sent in its place, when somebody edited it."""

    id: int
    source_id: int | None
    received_at: datetime
    stage: str
    reason: str
    detail: str
    item: str
    state: str
    replayed_as: str = ""
    settled_by: str = ""
    settled_at: datetime | None = None
    # How large the document is in which items came that cannot be read; 0: it is an item.
    raw_bytes: int = 0


@dataclass(frozen=True, slots=True)
class QuarantineFilter:
    """Which items of the quarantine; what is empty asks nothing. Times are of receipt, `until` is exclusive; an
    identifier is looked for as it was sent."""

    source_id: int | None = None
    event: str = ""
    stage: str = ""
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    identifier: str = ""

    def written_forms(self) -> tuple[str, ...]:
        """How the identifier may stand in an item, in small letters."""
        value = self.identifier.strip().lower()
        if not value:
            return ()
        quoted = (f'"{value}"', msgspec.json.encode(value).decode())
        bare = [f"{before}{value}{after}" for before in (":", ": ") for after in (",", "}", " ")]
        return tuple(dict.fromkeys([*quoted, *(bare if value.isdecimal() else ())]))


@dataclass(frozen=True, slots=True)
class QuarantineCount:
    """How many open items of one source have one reason."""

    source_id: int | None
    stage: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which events of the log; what is empty asks nothing. Times are of when it happened, `until` is exclusive."""

    source_id: int | None = None
    event: str = ""
    since: datetime | None = None
    until: datetime | None = None
    profile_id: int | None = None


@dataclass(frozen=True, slots=True)
class ReplayView:
    """A replay that was asked for. `fits` is what was chosen, as JSON."""

    id: int
    of: str
    fits: Mapping[str, Any]
    state: str
    counts: Mapping[str, int]
    error: str
    job_id: int
    requested_by: str
    requested_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """How many days events are kept (None: for good): those of a name, of a source, of people who did not agree to a
    purpose; what is empty asks nothing. Of the rules that fit an event the one of the highest rank decides."""

    id: int
    days: int | None
    event: str = ""
    source_id: int | None = None
    purpose: str = ""
    note: str = ""
    changed_by: str = ""
    changed_at: datetime | None = None

    @property
    def rank(self) -> int:
        """An event's name says more than its source, and that more than a purpose."""
        return 4 * bool(self.event) + 2 * (self.source_id is not None) + bool(self.purpose)

    @property
    def key(self) -> tuple[str, int | None, str]:
        """What it is about; there is one rule for each."""
        return self.event, self.source_id, self.purpose

    @property
    def about(self) -> str:
        """Which events, in words."""
        parts = [f"the event {self.event}" if self.event else "every event"]
        parts += [f"of source {self.source_id}"] if self.source_id is not None else []
        return " ".join([*parts, *([f"without consent to {self.purpose}"] if self.purpose else [])])

    def cutoff(self, now: datetime) -> datetime | None:
        """What happened before goes; None when nothing does."""
        return None if self.days is None else now - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Due:
    """How many events go by a rule, and when the oldest of them happened."""

    count: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """How far the pipeline is behind: requests and events accepted but not applied, and the age of the oldest."""

    requests: int
    events: int
    oldest_at: datetime | None


def rule_name(event_type: str, event: str | None) -> str:
    """The name by which rules and the log know an event: a track's own, else `$page`, `$identify` and so on."""
    return (event or "") if event_type == NAMED_BY_CALLER else f"${event_type}"


_SPOKEN = {
    "$page": "Page viewed", "$screen": "Screen viewed", "$identify": "Person identified", "$group": "Group told",
    "$alias": "Alias told",
}  # fmt: skip


def spoken(name: str) -> str:
    """What people call an event of that name: a track's own name, and words for the other calls."""
    return _SPOKEN.get(name, name)


def text(value: Text) -> str | None:
    """An id as text: numbers are written out, the empty string is none."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
