"""What crosses the door of `privacy`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg

from identity.contracts import Person

SUPPRESSION_REASONS = ("erased", "asked", "complaint", "test")


class NotPossible(ValueError):
    """The act does not fit the present state; the message says why."""


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
