"""Writing to the inbox, the log and the quarantine: what other apps may call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from common import pg
from events.contracts import QuarantinedView
from events.dedup import SeenMessages, consolidate, message_hash
from events.erasing import erase, forget, forget_applied, inbox_bodies, waits, written_forms
from events.inbox import Claim, claim, settle, store, waiting
from events.log import Log
from events.models import QuarantinedItem
from events.numbers import with_numbers_as_text
from events.parse import Batch, original, parse
from events.partitions import drop_done_inbox, drop_old_log, ensure_inbox
from events.selectors import quarantined_view

__all__ = [
    "Batch", "Claim", "Log", "SeenMessages", "Setback", "claim", "discard", "drop_done_inbox", "ensure_inbox",
    "erase", "forget", "forget_applied", "inbox_bodies", "keep_house", "mark_replayed", "message_hash", "open_items",
    "original", "parse", "quarantine", "settle", "store", "tally", "waiting", "waits", "with_numbers_as_text",
    "written_forms",
]  # fmt: skip

_QUARANTINE = """
insert into events_quarantineditem
    (source_id, received_at, stage, reason, detail, message_id, item, state, settled_by)
select source_id, %(received_at)s, %(stage)s, reason, detail, message_id, item, 'open', ''
from unnest(%(sources)s, %(reasons)s, %(details)s, %(messages)s, %(items)s)
    as refused (source_id, reason, detail, message_id, item)
"""
_TALLY = """
insert into events_tally (source_id, hour, applied, duplicates, refused, suppressed)
select source_id, date_trunc('hour', %(now)s::timestamptz, 'UTC'), applied, duplicates, refused, suppressed
from unnest(%(sources)s, %(applied)s, %(duplicates)s, %(refused)s, %(suppressed)s)
    as counted (source_id, applied, duplicates, refused, suppressed)
on conflict (hour, source_id) do update set applied = events_tally.applied + excluded.applied,
    duplicates = events_tally.duplicates + excluded.duplicates, refused = events_tally.refused + excluded.refused,
    suppressed = events_tally.suppressed + excluded.suppressed
"""
_KEEP_TALLIES = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Setback:
    """An item that goes to the quarantine, with what its sender needs to know."""

    source_id: int
    reason: str
    detail: str
    message_id: str
    item: bytes


def quarantine(
    conn: psycopg.Connection[Any], setbacks: Sequence[Setback], *, stage: str, received_at: datetime
) -> None:
    """Keep items that were refused (`stage` "accept") or could not be applied ("apply"), whole, for replay."""
    if not setbacks:
        return
    with pg.cursor(conn) as cursor:
        cursor.execute(
            _QUARANTINE,
            {
                "received_at": received_at,
                "stage": stage,
                "sources": pg.int4s([one.source_id for one in setbacks]),
                "reasons": pg.texts(one.reason for one in setbacks),
                "details": pg.texts(_storable(one.detail) for one in setbacks),
                "messages": pg.texts(_storable(one.message_id) for one in setbacks),
                "items": pg.texts(_storable(one.item.decode(errors="replace")) for one in setbacks),
            },
        )


def tally(conn: psycopg.Connection[Any], counts: dict[int, tuple[int, int, int, int]], *, now: datetime) -> None:
    """Add (applied, duplicates, refused, suppressed) of each source to this hour's numbers."""
    if not counts:
        return
    rows = sorted(counts.items())
    conn.execute(
        _TALLY,
        {
            "now": now,
            "sources": pg.int4s([source_id for source_id, _ in rows]),
            "applied": pg.int8s([numbers[0] for _, numbers in rows]),
            "duplicates": pg.int8s([numbers[1] for _, numbers in rows]),
            "refused": pg.int8s([numbers[2] for _, numbers in rows]),
            "suppressed": pg.int8s([numbers[3] for _, numbers in rows]),
        },
    )


def open_items(ids: Sequence[int]) -> list[QuarantinedView]:
    """Those of these items that wait for a decision, locked until the caller's transaction ends."""
    rows = QuarantinedItem.objects.select_for_update().filter(pk__in=ids, state=QuarantinedItem.State.OPEN)
    return [quarantined_view(row) for row in rows.order_by("id")]


def mark_replayed(ids: Sequence[int], *, by: str, now: datetime) -> None:
    """Close items that have been accepted again."""
    QuarantinedItem.objects.filter(pk__in=ids).update(
        state=QuarantinedItem.State.REPLAYED, settled_at=now, settled_by=by
    )


def discard(ids: Sequence[int], *, by: str, now: datetime) -> int:
    """Close open items without replaying them; returns how many."""
    return QuarantinedItem.objects.filter(pk__in=ids, state=QuarantinedItem.State.OPEN).update(
        state=QuarantinedItem.State.DISCARDED, settled_at=now, settled_by=by
    )


def keep_house(conn: psycopg.Connection[Any], *, now: datetime, dedup_days: int, retention_days: int = 0) -> None:
    """Make the partitions to come, drop the inbox's finished ones, trim what is past its time (`retention_days` 0 keeps
    the log for good). Safe at any moment; `conn` is in autocommit."""
    ensure_inbox(conn, now=now)
    drop_done_inbox(conn, now=now)
    if retention_days:
        drop_old_log(conn, before=now - timedelta(days=retention_days))
    with conn.transaction():
        consolidate(conn, today=now.date(), days=dedup_days)
        conn.execute("delete from events_tally where hour < %s", [now - _KEEP_TALLIES])


def _storable(value: str) -> str:
    return value.replace("\x00", "\ufffd").encode(errors="replace").decode()
