"""Quarantined items once more through the front door of the ingestion API."""

import json
from collections.abc import Sequence
from datetime import datetime

import zstandard
from django.db import transaction

from cdp.nudge import Nudge
from cdp.tasks import APPLY_INBOX
from common import pg
from connectors.sources import wire
from events import services as events
from events.contracts import QuarantinedView
from identity.services import standardise


def replay(items: Sequence[QuarantinedView], *, by: str, now: datetime) -> tuple[int, list[str]]:
    """Accept these items again; (how many went in, why the others did not). Those that did not stay in quarantine."""
    readings = {item.id: _read(item) for item in items}
    good = [item_id for item_id, reading in readings.items() if not isinstance(reading, str)]
    compressor = zstandard.ZstdCompressor(level=1)
    with transaction.atomic():
        for source_id, text in events.take_for_replay(good, by=by, now=now):
            reading = wire.read_batch(_as_batch(text), usable=_usable)
            events.store(
                pg.raw(), source_id=source_id, document=reading.document, events=len(reading.message_ids),
                client_ip=None, received_at=now, compressor=compressor,
            )  # fmt: skip
    if good:
        Nudge(APPLY_INBOX)()
    return len(good), [reading for reading in readings.values() if isinstance(reading, str)]


def _read(item: QuarantinedView) -> wire.Reading | str:
    """What the front door says of an item: its reading, or why it is refused again."""
    if item.source_id is None:
        return "its source is unknown"
    try:
        reading = wire.read_batch(_as_batch(item.item), usable=_usable)
    except (wire.BadRequest, ValueError) as problem:
        return str(problem)
    return reading.refused[0].refusal.detail if reading.refused else reading


def _usable(kind: str, value: object) -> bool:
    return value is not None and standardise(kind, str(value)) is not None


def _as_batch(text: str) -> bytes:
    return json.dumps({"batch": [json.loads(text)]}).encode()
