"""What people do with rows of the ledger: cancel what waits, try again what failed; and test sends."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from campaigns.sending.contracts import NotPossible, Outcome, SendRequest
from campaigns.sending.models import Send
from campaigns.sending.queueing import queue_sends
from campaigns.sending.suppressing import lift
from common import audit, pg


@transaction.atomic
def cancel_send(send_id: int, *, by: str, now: datetime, via: str = "ui") -> None:
    """Take back what waits. Raises NotPossible for what is on its way."""
    changed = Send.objects.filter(pk=send_id, state=Send.State.QUEUED).update(
        state=Send.State.CANCELLED, settled_at=now, variables={}, due_at=None
    )  # fmt: skip
    if not changed:
        raise NotPossible("Only what waits can be cancelled.")
    _note("cancelled", send_id, by=by, now=now, via=via)


@transaction.atomic
def retry_send(send_id: int, *, by: str, now: datetime, via: str = "ui") -> None:
    """Put a dead letter back into the queue, with the variables that it was asked for with. Raises NotPossible."""
    row = Send.objects.select_for_update().filter(pk=send_id).first()
    if row is None or row.state not in (Send.State.FAILED, Send.State.UNKNOWN):
        raise NotPossible("Only what failed, or of which nothing is known, can be tried again.")
    row.state, row.due_at, row.attempts, row.error, row.settled_at = Send.State.QUEUED, now, 0, "", None
    row.handed_at = row.claim = None
    row.save(update_fields=["state", "due_at", "attempts", "error", "settled_at", "handed_at", "claim"])
    _note("retried", send_id, by=by, now=now, via=via)


@transaction.atomic
def allow_contact(send_id: int, *, by: str, now: datetime, via: str = "ui") -> bool:
    """Let the address of a send be used again; False when it was not given up."""
    row = Send.objects.filter(pk=send_id).first()
    gone = row is not None and lift(bytes(row.contact), now=now)
    if gone:
        _note("address_allowed", send_id, by=by, now=now, via=via)
    return gone


@transaction.atomic
def send_message(
    *, key: str, profile_id: int, template_id: int, channels: tuple[str, ...], message_class: Any, purpose: str,
    variables: Mapping[str, Any], now: datetime, send_by: datetime | None = None, not_before: datetime | None = None,
    priority: int = 100,
) -> Outcome:  # fmt: skip
    """One message at once, for the API: the same `key` is the same message. Raises NotPossible."""
    request = SendRequest(
        origin="api", version=1, instance=key or secrets.token_hex(12), step="", profile_id=profile_id,
        template_id=template_id, channels=channels, message_class=message_class, purpose=purpose, variables=variables,
        priority=priority, not_before=not_before, send_by=send_by,
    )  # fmt: skip
    return queue_sends(pg.cursor(), [request], now)[0]


@transaction.atomic
def send_test(
    *, template_id: int, channel: str, profile_id: int, variables: Mapping[str, Any], by: str, now: datetime
) -> Outcome:
    """A test send of the live version to a person: transactional, so that neither caps nor quiet hours hold it."""
    request = SendRequest(
        origin="test", version=1, instance=secrets.token_hex(12), step=by[:100], profile_id=profile_id,
        template_id=template_id, channels=(channel,), message_class="transactional", variables=variables, priority=1000,
    )  # fmt: skip
    outcome = queue_sends(pg.cursor(), [request], now)[0]
    _note("tested", outcome.send_id, by=by, now=now, via="ui")
    return outcome


def _note(what: str, send_id: int, *, by: str, now: datetime, via: str) -> None:
    audit.record(
        actor=by, via=via, action=f"send.{what}", object_type="send", object_id=send_id, at=now,
        summary=f"Message {send_id}: {what.replace('_', ' ')}",
    )  # fmt: skip
