"""Setting a webhook up, trying its mapping on a sample, and taking calls."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
import zstandard
from django.db import transaction

from common import audit, crypto, pg
from connectors.sources import wire
from connectors.sources.identity import usable
from connectors.sources.selectors import source_by_key
from connectors.webhooks import signatures
from connectors.webhooks.contracts import BadMapping, TriedItem, Unreadable, Unsigned, WebhookView
from connectors.webhooks.mapping import Reader, Unmapped, read_mapping
from connectors.webhooks.models import Webhook
from events import services as events
from events.contracts import Refusal

_STORED = 2_000_000


@transaction.atomic
def keep_webhook(
    *, source_id: int, mapping: Mapping[str, Any], signature: Mapping[str, Any], secret: str, by: str, now: datetime
) -> WebhookView:
    """Set up or change the webhook of a source; an empty secret leaves the one there is. Raises BadMapping."""
    row = Webhook.objects.select_for_update().filter(source_id=source_id).first()
    kept = row.secret if row and row.signature.get("scheme") == signature.get("scheme") else ""
    wrong = signatures.problems(signature, has_secret=bool(secret or kept))
    if wrong:
        raise BadMapping(wrong)
    read_mapping(mapping)
    row = row or Webhook(source_id=source_id, created_by=by, created_at=now)
    row.mapping, row.signature, row.problem = dict(mapping), dict(signature), ""
    row.secret = crypto.encrypt(secret) if secret else kept
    row.save()
    audit.record(
        actor=by, action="webhook.kept", object_type="source", object_id=source_id, at=now,
        summary="Set up how calls of the webhook are checked and read",
        after={"mapping": row.mapping, "signature": row.signature},
    )  # fmt: skip
    return _view(row)


def webhook(source_id: int) -> WebhookView | None:
    """The webhook of a source, or None."""
    row = Webhook.objects.filter(source_id=source_id).first()
    return _view(row) if row else None


def try_mapping(mapping: Any, sample: str) -> list[TriedItem]:
    """What a call would become; nothing is kept. Raises BadMapping or Unreadable."""
    return [
        TriedItem(None, verdict.detail) if isinstance(verdict, Refusal) else TriedItem(orjson.loads(verdict), "")
        for _, verdict in _judged(read_mapping(mapping), sample.encode())
    ]


def take_webhook_call(*, write_key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> int | None:
    """Keep the items of one call durably; answers how many came in, or None when there is no such address.

    What cannot be mapped goes to the quarantine. Raises Unsigned or Unreadable, and notes it on the source.
    """
    source = source_by_key(write_key)
    row = Webhook.objects.filter(source_id=source.id).first() if source and source.enabled else None
    if source is None or row is None:
        return None
    try:
        signatures.check(
            row.signature, crypto.decrypt(row.secret) if row.secret else "", headers, body, now=now
        )  # fmt: skip
        judged = _judged(read_mapping(row.mapping), body)
    except (Unsigned, Unreadable) as problem:
        Webhook.objects.filter(pk=row.pk).update(problem=str(problem), last_called_at=now)
        raise
    good = [verdict for _, verdict in judged if not isinstance(verdict, Refusal)]
    with transaction.atomic():
        events.quarantine(pg.raw(), [
            events.Setback(source.id, verdict.reason, verdict.detail, "", raw[:_STORED])
            for raw, verdict in judged if isinstance(verdict, Refusal)
        ], stage="accept", received_at=now)  # fmt: skip
        if good:
            events.store(
                pg.raw(), source_id=source.id, document=b'{"batch":[' + b",".join(good) + b"]}", events=len(good),
                client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
            )  # fmt: skip
        Webhook.objects.filter(pk=row.pk).update(problem="", last_called_at=now)
    return len(good)


def _judged(reader: Reader, body: bytes) -> list[tuple[bytes, bytes | Refusal]]:
    """Each thing of the call with its item, complete, or why it is none."""
    try:
        call = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"The call is not JSON: {error}.") from error
    try:
        things = reader.things(call)
    except Unmapped as why:
        return [(body, Refusal("not_mapped", str(why)))]
    return [(orjson.dumps(thing), _verdict(reader, thing)) for thing in things]


def _verdict(reader: Reader, thing: Any) -> bytes | Refusal:
    try:
        raw = orjson.dumps(reader.item(thing))
    except (Unmapped, TypeError) as why:
        return Refusal("not_mapped", str(why))
    verdict = wire.judge(raw, usable=usable)
    return verdict if isinstance(verdict, Refusal) else verdict[1]


def _view(row: Webhook) -> WebhookView:
    return WebhookView(
        mapping=row.mapping, signature=row.signature, has_secret=bool(row.secret), last_called_at=row.last_called_at,
        problem=row.problem,
    )  # fmt: skip
