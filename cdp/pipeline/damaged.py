"""Documents of the inbox that cannot be read any more: kept as they are, counted, and told until they are settled."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg

import events.services as events
import quality.services as quality
from events import selectors as log
from events.contracts import Damaged, Tallied

REASON = "unreadable_document"
_KIND = "unreadable"
_log = logging.getLogger(__name__)


def set_aside(conn: psycopg.Connection[Any], damaged: Sequence[Damaged], *, now: datetime) -> None:
    """Put them into the quarantine, whole, in the transaction that moves the cursor past them."""
    if not damaged:
        return
    for one in damaged:
        _log.error("document %s of source %s cannot be read: %s", one.row.id, one.row.source_id, one.why)
    events.quarantine(conn, [_setback(one) for one in damaged], stage="apply", received_at=now)
    lost = Counter[int]()
    for one in damaged:
        lost[one.row.source_id] += one.row.events
    events.tally(conn, {source: Tallied(refused=count) for source, count in lost.items()}, now=now)


def tell_of_unreadable(*, now: datetime) -> None:
    """Raise an alert while such documents wait for a decision, and close it when none does."""
    count = log.unreadable_documents()
    some = "1 document" if count == 1 else f"{count:,} documents"
    told = (
        f"{some} in the quarantine cannot be read any more: damaged after being accepted. See whether disk and memory"
        " of the database server are sound, have it sent once more, and discard it."
    )  # fmt: skip
    path = f"/quarantine/?reason={REASON}"
    quality.settle_alarm(kind=_KIND, origin="inbox", told=told if count else "", path=path, now=now)


def _setback(one: Damaged) -> events.Setback:
    row = one.row
    detail = (
        f"A document of {row.events:,} events that came at {row.received_at:%Y-%m-%d %H:%M:%S} UTC was damaged while it"
        f" waited, and cannot be read ({one.why[:300]}). It is kept byte for byte ({len(row.body):,} bytes);"
        f" {len(one.readable):,} bytes of what was in it can be read. Have its source send what it sent at that time"
        " once more: what is in already counts once. Then discard this."
    )
    return events.Setback(row.source_id, REASON, detail, "", one.readable, raw=row.body)
