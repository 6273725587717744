"""What crosses the door of `privacy`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from identity.contracts import Person

LEGAL_BASES = {
    "consent": "Consent", "contract": "Contract", "legal_obligation": "Legal obligation",
    "vital_interests": "Vital interests", "public_task": "Public task", "legitimate_interests": "Legitimate interests",
}  # fmt: skip
SUPPRESSION_REASONS = ("erased", "asked", "complaint", "test")


class NotPossible(ValueError):
    """The act does not fit the present state; the message says why."""


class InvalidPurpose(ValueError):
    """A purpose or a choice cannot be so; the message says why and what to do. `field` names what is wrong, of several
    choices that of the one at `index`."""

    def __init__(self, field: str, message: str, index: int = 0) -> None:
        super().__init__(message)
        self.field, self.index = field, index


@dataclass(frozen=True, slots=True)
class PurposeView:
    """A purpose with the wording in force: version 0 while there is none. `key` names it in events and syncs."""

    key: str
    name: str
    description: str
    legal_basis: str
    keep_ip: bool
    version: int
    text: str
    changed_by: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TextView:
    """One wording, in force from `at` until the next."""

    version: int
    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person said, for `record_choices`. `said_at` None is now; `text_version` None is the one in force then."""

    purpose: str
    granted: bool
    channel: str = ""
    said_at: datetime | None = None
    text_version: int | None = None
    evidence: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class SuppressionView:
    """One entry of the list; whom it is about cannot be told from it."""

    id: int
    kind: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ErasureView:
    """One request: `waiting`, `channels` (erased here, channels have not all confirmed), `done` or `failed`."""

    id: int
    state: str
    identifiers: int
    profile_ids: Sequence[int]
    suppress: bool
    requested_by: str
    requested_at: datetime
    due_on: date
    erased_at: datetime | None
    done_at: datetime | None
    counts: Mapping[str, int]
    channels: Sequence[Mapping[str, Any]]
    receipt: Mapping[str, Any] | None
    error: str
    job_id: int


# (connection with the turn, the person) -> rows deleted by table: a store that `privacy` does not know itself.
EraseStore = Callable[[psycopg.Connection[Any], Person], Mapping[str, int]]
