"""What is written after a try: the row, the event, the channel's standing, and addresses that are dead."""

import random
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from campaigns.sending.channels.kit import (
    BadContact,
    Doubtful,
    HandingError,
    Misconfigured,
    Resting,
    Temporary,
)
from campaigns.sending.claiming import Claimed
from campaigns.sending.models import PushSubscription, SendingChannel
from campaigns.sending.suppressing import give_up
from campaigns.sending.telling import Told, tell
from common import pg
from identity.contracts import IdentifierKey

MAX_ATTEMPTS = 8
_BASE, _CAP = timedelta(seconds=5), timedelta(minutes=30)
_SETTLE = """
update campaigns_send set
    state = %(state)s::text, provider_id = %(provider_id)s, error = %(error)s, attempts = attempts + %(tries)s,
    claim = null, lease_until = null, due_at = coalesce(%(due)s::timestamptz, due_at),
    handed_at = case when %(state)s::text = 'queued' then null else handed_at end,
    settled_at = case when %(state)s::text = 'queued' then null else %(now)s::timestamptz end,
    variables = case when %(state)s::text = 'sent' then '{}' else variables end,
    content = %(content)s::jsonb
where id = %(id)s and claim = %(claim)s and state in ('handing', 'unknown')
"""


def pause(attempts: int, *, chance: float) -> timedelta:
    """Exponential with full jitter: anything from nothing to 5 s, 10 s … 30 min, by `chance` in [0, 1)."""
    return min(_CAP, _BASE * 2 ** min(attempts, 12)) * chance


@transaction.atomic
def settle_sent(
    row: Claimed,
    provider_id: str,
    identifier: IdentifierKey,
    source_id: int,
    *,
    token: uuid.UUID,
    now: datetime,
    content: str | None,
) -> bool:
    """The provider has it. In one transaction with the event that tells so; False when the row is not ours any more."""
    if not _write(row, "sent", token=token, now=now, provider_id=provider_id, content=content):
        return False
    tell([_told("sent", row, identifier)], now=now, source_id=source_id)
    return True


@transaction.atomic
def settle_problem(
    row: Claimed,
    problem: HandingError,
    identifier: IdentifierKey,
    source_id: int,
    *,
    token: uuid.UUID,
    now: datetime,
    safe: bool,
) -> None:
    """The provider has it not, or nobody knows. What it told of meanwhile, it has."""
    if isinstance(problem, Doubtful) and (told := _told_meanwhile(row, token)):
        settle_sent(row, told, identifier, source_id, token=token, now=now, content=None)
        return
    state, due, tries = _what_follows(row, problem, safe=safe, now=now)
    if not _write(row, state, token=token, now=now, error=problem.message, due=due, tries=tries):
        return
    if isinstance(problem, Misconfigured):
        SendingChannel.objects.filter(channel=row.channel).update(paused=True, pause_reason=problem.message)
    elif isinstance(problem, Resting):
        SendingChannel.objects.filter(channel=row.channel).update(rest_until=now + problem.rest)
    elif isinstance(problem, BadContact):
        _give_up_address(row, problem, identifier, source_id, now=now)


def _what_follows(
    row: Claimed, problem: HandingError, *, safe: bool, now: datetime
) -> tuple[str, datetime | None, int]:  # fmt: skip
    """The state, when it is tried again, and whether this counted as a try."""
    if isinstance(problem, Misconfigured):
        return "queued", now, 0
    if isinstance(problem, Resting):
        return "queued", now + problem.rest, 0
    if isinstance(problem, Doubtful) and not safe and row.message_class == "marketing":
        return "unknown", None, 1
    if isinstance(problem, Temporary | Doubtful) and row.attempts + 1 < MAX_ATTEMPTS:
        return "queued", now + pause(row.attempts, chance=random.random()), 1
    return ("unknown" if isinstance(problem, Doubtful) else "failed"), None, 1


def _told_meanwhile(row: Claimed, token: uuid.UUID) -> str:
    found = (
        pg.cursor()
        .execute(
            "select provider_id from campaigns_send where id = %s and claim = %s and state = 'handing' for update",
            (row.id, token),
        )
        .fetchone()
    )
    return found[0] if found else ""


def _write(
    row: Claimed, state: str, *, token: uuid.UUID, now: datetime, provider_id: str = "", error: str = "",
    due: datetime | None = None, tries: int = 1, content: str | None = None,
) -> bool:  # fmt: skip
    return pg.cursor().execute(_SETTLE, {
        "id": row.id, "claim": token, "state": state, "provider_id": provider_id[:200], "error": error[:500],
        "due": due, "tries": tries, "now": now, "content": content,
    }).rowcount == 1  # fmt: skip


def _give_up_address(
    row: Claimed, problem: BadContact, identifier: IdentifierKey, source_id: int, *, now: datetime
) -> None:  # fmt: skip
    if row.channel == "webpush":
        PushSubscription.objects.filter(contact=row.contact).delete()
    else:
        give_up(row.contact, row.channel, problem.reason, handed_at=now, now=now)
    what = "unsubscribed" if problem.reason == "unsubscribed" else "bounced"
    tell([_told(what, row, identifier, reason=problem.message)], now=now, source_id=source_id)


def _told(what: str, row: Claimed, identifier: IdentifierKey, **more: Any) -> Told:
    properties: Mapping[str, Any] = {
        "origin": row.key.origin, "origin_version": row.key.version, "instance": row.key.instance,
        "step": row.key.step, "template_id": row.template_id, "template_version": row.template_version, **more,
    }  # fmt: skip
    return Told(what, row.id, row.idempotency_key, identifier, row.channel, properties)
