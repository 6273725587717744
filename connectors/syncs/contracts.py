"""Shapes that cross the door of the sync engine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.destinations.recording import Exchange


class NotPossible(ValueError):
    """The act does not fit the present state; the message says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of each operation."""

    added: int = 0
    changed: int = 0
    removed: int = 0

    @property
    def total(self) -> int:
        return self.added + self.changed + self.removed


@dataclass(frozen=True, slots=True)
class ChannelStanding:
    """How far a channel is with taking some people off: rows that it has or may have, rows on their way to it, removals
    that it refused or that were given up, and removals that it confirmed."""

    sync_id: int
    sync: str
    destination: str
    state: str
    there: int
    waiting: int
    failed: int
    removed: int


@dataclass(frozen=True, slots=True)
class SyncView:
    """A sync as pages and the API show it. `lag` is how far its cursor is behind the ledger, in ledger numbers."""

    id: int
    name: str
    segment_id: int
    destination_id: int
    destination_name: str
    destination_kind: str
    action: str
    mapping: Mapping[str, Any]
    identifier_kind: str
    state: str
    state_reason: str
    cursor_seq: int
    lag: int
    sent: int
    pending: int
    failed: int
    guard_percent: int
    guard_rows: int
    resync_every_hours: int | None
    last_resync_at: datetime | None
    last_delivered_at: datetime | None
    created_by: str
    created_at: datetime
    waiting_run_id: int | None
    consent: str = ""
    consent_channel: str = ""

    @property
    def consent_words(self) -> str:
        """The consent that it asks for, as people read it; empty when it asks for none."""
        asked = self.consent.replace(",", " and ")
        return f"{asked} by {self.consent_channel}" if asked and self.consent_channel else asked


@dataclass(frozen=True, slots=True)
class RunView:
    """One run: planned, delivered and failed rows by operation; for one that waits for approval, what it would do.

    `forgotten` and `foreign`: how many the channel no longer had, and has of others, when it was asked before a full
    comparison; None where it was not. `retried` counts the tries that were followed by another one of the same row.
    """

    id: int
    sync_id: int
    kind: str
    state: str
    from_seq: int
    until_seq: int
    expected_adds: int
    expected_removes: int
    sent_before: int
    planned: Counts
    delivered: Counts
    failed: Counts
    retried: int
    skipped: int
    skip_reasons: Mapping[str, int]
    approved_by: str
    started_at: datetime
    finished_at: datetime | None
    forgotten: int | None = None
    foreign: int | None = None
    read_back_problem: str = ""

    @property
    def tries(self) -> int:
        """How often a row was sent: each try was taken, refused, or followed by another."""
        return self.delivered.total + self.failed.total + self.retried

    @property
    def waiting(self) -> int:
        """Planned rows without a last word."""
        return self.planned.total - self.delivered.total - self.failed.total


@dataclass(frozen=True, slots=True)
class Sample:
    """What a mapping gives for one member (None when for none), and how it went for all that were looked at.

    `personal` holds what of this person must be masked for those who may not see it: (field, value).
    """

    profile_id: int | None
    fields: Mapping[str, Any] = field(repr=False)
    looked_at: int
    rows: int
    skipped: Mapping[str, int]
    personal: tuple[tuple[str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Tried:
    """How one person went through a sync: what would be sent (`fields`), and when it was, what the channel said.

    `rows`: how many targets the person gives, of which the first is tried; `skipped`: why there is none. `outcome` is
    `delivered`, `skipped`, `refused`, `unknown` or `unusable` (the account), and "" when nothing was sent; `told` says
    it in words. `personal` holds what of this person must be masked for those who may not see it: (field, value).
    """

    sync_id: int
    profile_id: int
    is_member: bool
    operation: str
    rows: int
    skipped: tuple[str, ...]
    fields: Mapping[str, Any] = field(repr=False)
    personal: tuple[tuple[str, str], ...] = field(repr=False)
    sent: bool = False
    outcome: str = ""
    code: str = ""
    told: str = ""
    run_id: int | None = None
    removal_planned: bool = False
    exchanges: tuple[Exchange, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncCounts:
    """A channel at the version that its sync has come to, in people.

    `refused`: members whose rows it would not take; `skipped`: members without the identifier or a required field;
    `missing` and `extra`: the differences that nothing explains. While rows wait (`settled` is false) it only lags.
    """

    id: int
    name: str
    version: int
    members: int
    acknowledged: int
    refused: int
    skipped: int
    missing: int
    extra: int
    waiting: int
    settled: bool

    @property
    def agrees(self) -> bool:
        return not self.settled or (self.missing == 0 and self.extra == 0)


@dataclass(frozen=True, slots=True)
class SyncNumbers:
    """The members at a version, in people: `members` is the sum of the five groups after it.

    `skipped` have no row: they lack the identifier or a required field; nothing explains `missing`, who come with the
    next full run. `leaving` and `extra` are at the channel without being members, on their way out or not.
    `estimated`: `skipped` and `missing` are told from a sample.
    """

    version: int
    members: int
    there: int
    waiting: int
    rejected: int
    skipped: int
    missing: int
    leaving: int
    extra: int
    rows_there: int
    rows_on_the_way: int
    estimated: bool = False

    @property
    def with_row(self) -> int:
        """Members whom the channel can be told of."""
        return self.members - self.skipped

    @property
    def match_rate(self) -> float | None:
        """The share of members whom the channel can be told of."""
        return self.with_row / self.members if self.members else None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One row of a run. `label` is masked; the payload never leaves the engine."""

    id: int
    sync_id: int
    run_id: int
    profile_id: int
    operation: str
    label: str
    state: str
    attempts: int
    next_attempt_at: datetime | None
    code: str
    message: str
    key: str
    planned_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Worked:
    """What one turn at a sync did."""

    planned: int = 0
    delivered: int = 0
    failed: int = 0
    retried: int = 0
    stopped: str = field(default="", compare=False)
