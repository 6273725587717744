"""Addresses that are given up, and allowed again by a person. What a person allowed stays allowed: a failure of a
message that was handed over before tells nothing new, whenever and however often it is told."""

from datetime import datetime

from campaigns.sending.models import SuppressedContact
from common import pg

_GIVE_UP = """
insert into campaigns_suppressedcontact (contact, channel, reason, by, at)
values (%(contact)s, %(channel)s, %(reason)s, 'provider', %(now)s)
on conflict (contact) do update set reason = excluded.reason, by = excluded.by, at = excluded.at, lifted_at = null
where campaigns_suppressedcontact.lifted_at <= %(handed_at)s
"""


def give_up(contact: bytes, channel: str, reason: str, *, handed_at: datetime | None, now: datetime) -> None:
    """Write to this address no more, because of a message that was handed over at that time (none known: now)."""
    pg.cursor().execute(_GIVE_UP, {
        "contact": contact, "channel": channel, "reason": reason, "now": now, "handed_at": handed_at or now,
    })  # fmt: skip


def lift(contact: bytes, *, now: datetime) -> bool:
    """Allow it again; False when it was not given up."""
    rows = SuppressedContact.objects.filter(contact=contact, lifted_at=None)
    return bool(rows.update(lifted_at=now))
