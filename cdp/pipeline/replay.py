"""Quarantined items accepted again: judged as on their way in, stored in the inbox, applied like any other."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
import zstandard
from django.db import transaction

from cdp.nudge import Nudge
from cdp.tasks import APPLY_INBOX
from common import audit, pg
from connectors.sources import wire
from events import services as events
from identity.services import standardise


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many items went back to the inbox, and how many were refused again (they are in the quarantine anew)."""

    accepted: int
    refused: int


def replay(ids: Sequence[int], *, by: str, via: str = "ui", now: datetime) -> Replayed:
    """Accept these items as if they had just been sent; those that were settled already are passed over.

    An item is marked as replayed after it is durable in the inbox. A crash in between leaves it open; replayed once
    more, its message id gives it away as a duplicate.
    """
    accepted = refused = 0
    with transaction.atomic():
        by_source: dict[int, list[bytes]] = defaultdict(list)
        for source_id, item in events.take_for_replay(ids, by=by, now=now):
            by_source[source_id].append(item.encode())
        for source_id, items in by_source.items():
            reading = _read(items)
            # A connection of its own: Django's binds parameters on the client, which packed arrays cannot be.
            with pg.connect() as conn:
                _keep(conn, source_id, reading, now)
            accepted, refused = accepted + len(reading.message_ids), refused + len(reading.refused)
        if by_source:
            audit.record(
                actor=by, via=via, action="quarantine.replayed", object_type="quarantine", object_id=min(ids),
                summary=f"Replayed {accepted + refused} quarantined items; {refused} were refused again", at=now,
            )  # fmt: skip
    if accepted:
        Nudge(APPLY_INBOX)()
    return Replayed(accepted=accepted, refused=refused)


def _read(items: list[bytes]) -> wire.Reading:
    """One item at a time: an item that is not even JSON must not spoil the others."""
    whole = wire.Reading(document=b"")
    documents = []
    for index, raw in enumerate(items):
        judged = wire.judge(raw, usable=lambda kind, value: standardise(kind, value) is not None)
        if isinstance(judged, tuple):
            item, document = judged
            whole.message_ids.append(str(item.messageId or ""))
            documents.append(document)
        else:
            whole.refused.append(wire.Refused(index, judged, raw))
    whole.document = b'{"batch":[' + b",".join(documents) + b"]}"
    return whole


def _keep(conn: psycopg.Connection[Any], source_id: int, reading: wire.Reading, now: datetime) -> None:
    setbacks = [
        events.Setback(source_id, one.refusal.reason, one.refusal.detail, one.message_id or "", one.raw)
        for one in reading.refused
    ]
    events.quarantine(conn, setbacks, stage="accept", received_at=now)
    if reading.message_ids:
        events.store(
            conn, source_id=source_id, document=reading.document, events=len(reading.message_ids), client_ip=None,
            received_at=now, compressor=zstandard.ZstdCompressor(),
        )  # fmt: skip
