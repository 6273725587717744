"""Quarantined items once more through the door: judged as on their way in, and stored in the inbox if they pass now."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import zstandard
from django.db import transaction

from common import audit, pg
from connectors.sources import wire
from connectors.sources.identity import usable
from events import services as events


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many items went back to the inbox, and why others did not: they stay in the quarantine as they were."""

    accepted: int
    refused: tuple[tuple[int, str], ...]


@transaction.atomic
def replay_quarantined(ids: Sequence[int], *, by: str, now: datetime, via: str = "ui") -> Replayed:
    """Accept these open items as if they had just been sent, in one transaction; others are passed over.

    The caller wakes the applier after commit. An item that was applied before is told apart by its message id.
    """
    waiting = [item for item in events.open_items(ids) if item.source_id is not None]
    judged = {item.id: wire.judge(item.item.encode(), usable=usable) for item in waiting}
    good = {item_id: verdict[1] for item_id, verdict in judged.items() if isinstance(verdict, tuple)}
    documents: dict[int, list[bytes]] = defaultdict(list)
    for item in waiting:
        if item.id in good and item.source_id is not None:
            documents[item.source_id].append(good[item.id])
    for source_id, items in documents.items():
        events.store(
            pg.raw(), source_id=source_id, document=b'{"batch":[' + b",".join(items) + b"]}", events=len(items),
            client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
        )  # fmt: skip
    events.mark_replayed(list(good), by=by, now=now)
    refused = tuple((item_id, verdict.detail) for item_id, verdict in judged.items() if not isinstance(verdict, tuple))
    if good:
        audit.record(
            actor=by, via=via, action="quarantine.replayed", object_type="quarantine", object_id=min(good), at=now,
            summary=f"Replayed {len(good)} quarantined items; {len(refused)} would be refused again",
        )  # fmt: skip
    return Replayed(len(good), refused)
