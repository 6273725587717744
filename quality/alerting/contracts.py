"""What this package hands out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class BadRecipient(ValueError):
    """What was asked for cannot be kept; the message says why and what to do."""


class NoSuchDigest(ValueError):
    """There is no digest of this id that could be sent again."""


# How often one recipient hears of something, at most: minutes.
INTERVALS = {5: "5 minutes", 15: "15 minutes", 60: "an hour", 1440: "a day"}


@dataclass(frozen=True, slots=True)
class RecipientView:
    """A person who gets mail, or an address that is called. Empty `kinds` and `source_ids` mean all."""

    id: int
    way: str
    user_id: int | None
    to: str
    name: str
    alerts: bool
    kinds: Sequence[str]
    source_ids: Sequence[int]
    reports: str
    every_minutes: int
    created_by: str
    created_at: datetime
    waiting: int


@dataclass(frozen=True, slots=True)
class DigestView:
    """One mail or call, and how it went."""

    id: int
    recipient_id: int
    way: str
    to: str
    subject: str
    state: str
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None
    tries: int
    problem: str
