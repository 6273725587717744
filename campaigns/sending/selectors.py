"""Reading the ledger."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from campaigns.sending.accounts import channel_views, vapid_public
from campaigns.sending.channels.registry import providers_of
from campaigns.sending.contracts import GroupView, PolicyView, SendView, StepKey
from campaigns.sending.models import Send, SubscriptionGroup, SuppressedContact
from campaigns.sending.policies import policy_row, policy_view

__all__ = [
    "channel_views", "groups", "inbox", "providers_of", "send", "send_counts", "sending_policy", "sends", "sends_of",
    "suppressed_contacts", "vapid_public",
]  # fmt: skip

_ASKED = ("state", "channel", "origin", "reason")


def sending_policy(*, now: datetime) -> PolicyView:
    """What holds for all sends."""
    return policy_view(policy_row(now=now))


def groups() -> list[GroupView]:
    """Subscription groups by name."""
    rows = SubscriptionGroup.objects.order_by("name")
    return [GroupView(one.key, one.name, one.description, tuple(one.channels), one.opt_out) for one in rows]


def sends(asked: Mapping[str, str], *, before: int | None = None, limit: int = 50) -> list[SendView]:
    """Rows of the ledger, the newest first; `asked` may name state, channel, origin and reason."""
    chosen = {name: value for name, value in asked.items() if value and name in _ASKED}
    return _page(Send.objects.filter(**chosen), before, limit)


def sends_of(identifier_ids: Sequence[int], *, before: int | None = None, limit: int = 50) -> list[SendView]:
    """What a person was sent, by all identifiers, the newest first."""
    return _page(Send.objects.filter(identifier_id__in=identifier_ids), before, limit)


def send(send_id: int) -> SendView | None:
    """One row, or None."""
    row = Send.objects.filter(pk=send_id).first()
    return _view(row) if row else None


def send_counts() -> dict[str, int]:
    """How many rows there are by state."""
    return dict(Send.objects.values_list("state").annotate(n=Count("pk")).order_by("state"))


def inbox(identifier_ids: Sequence[int], *, limit: int = 50) -> list[dict[str, Any]]:
    """In-app messages of a person, the newest first."""
    rows = Send.objects.filter(identifier_id__in=identifier_ids, channel="inapp", state="sent").order_by("-pk")
    return [{"id": row.pk, "sent_at": row.settled_at, **(row.content or {})} for row in rows[:limit]]


def suppressed_contacts() -> dict[str, int]:
    """How many addresses must not be used any more, by channel."""
    return dict(SuppressedContact.objects.filter(lifted_at=None).values_list("channel").annotate(n=Count("pk")))


def _page(rows: "QuerySet[Send]", before: int | None, limit: int) -> list[SendView]:
    chosen = (rows.filter(pk__lt=before) if before else rows).order_by("-pk")[:limit]
    return [_view(row) for row in chosen]


def _view(row: Send) -> SendView:
    state: Any = row.state
    return SendView(
        row.pk, StepKey(row.origin, row.version, row.instance, row.step), row.identifier_id, row.channel,
        row.template_id, row.template_version, row.message_class, row.purpose, state, row.reason, row.requested_at,
        row.due_at, row.handed_at, row.settled_at, row.attempts, row.provider_id, row.error,
    )  # fmt: skip
