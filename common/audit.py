"""The audit log: append-only and hash-chained, so that a changed or missing entry shows."""

import hashlib
import json
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from common import clock
from common.models import AuditEntry

_CHAIN_LOCK = 7_002_026
_GENESIS = "0" * 64


def record(
    *,
    actor: str,
    action: str,
    object_type: str,
    object_id: object,
    summary: str,
    via: str = "ui",
    before: Any = None,
    after: Any = None,
    reason: str = "",
    ip: str = "",
    request_id: str = "",
    at: datetime | None = None,
) -> int:
    """Append one entry in the caller's transaction, and return its id. Entries are chained in order of commit."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", [_CHAIN_LOCK])
        last = AuditEntry.objects.order_by("-id").values_list("hash", flat=True).first()
        entry = AuditEntry(
            at=at or clock.now(), actor=actor, via=via, action=action, object_type=object_type,
            object_id=str(object_id), summary=summary, before=before, after=after, reason=reason, ip=ip,
            request_id=request_id, previous_hash=last or _GENESIS,
        )  # fmt: skip
        entry.hash = entry_hash(entry)
        entry.save(force_insert=True)
    return entry.pk


def entry_hash(entry: AuditEntry) -> str:
    """SHA-256 over the previous entry's hash and this entry's content in a fixed form."""
    content = [
        entry.previous_hash, clock.iso(entry.at), entry.actor, entry.via, entry.action, entry.object_type,
        entry.object_id, entry.summary, entry.before, entry.after, entry.reason, entry.ip, entry.request_id,
    ]  # fmt: skip
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def verify() -> int | None:
    """The id of the first entry that does not fit the chain, or None when the log is whole."""
    previous = _GENESIS
    for entry in AuditEntry.objects.order_by("id").iterator(chunk_size=2000):
        if entry.previous_hash != previous or entry.hash != entry_hash(entry):
            return entry.pk
        previous = entry.hash
    return None
