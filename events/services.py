"""Writing to the inbox, the log and the quarantine: what other apps may call."""

from datetime import datetime, timedelta
from typing import Any

import psycopg

from common import pg
from events.contracts import Tallied
from events.dedup import SeenMessages, consolidate, message_hash
from events.erasing import erase, forget, forget_applied, inbox_bodies, waits, written_forms
from events.expiring import Gone, OldPart, count_part, drop_part, old_parts, take_counted, take_others
from events.inbox import Claim, claim, settle, store, waiting
from events.log import Log, has_message
from events.numbers import with_numbers_as_text
from events.parse import Batch, original, parse
from events.partitions import drop_done_inbox, ensure_inbox
from events.quarantine import (
    Setback,
    discard,
    guard_quarantine,
    mark_replayed,
    may_be_kept,
    newest_setback,
    open_items,
    quarantine,
)
from events.removing import Logged, among, brought, logged, move, received_again, remove, unquarantine, unsee
from events.replays import ReplayWork, end_replay, keep_place, request_replay, take_up, waiting_replays
from events.rereading import Piece, parts_of, rehang, reread, still_there
from events.retention import BadRule, Expiry, checked_rule, drop_retention, keep_retention

__all__ = [
    "BadRule", "Batch", "Claim", "Expiry", "Gone", "Log", "Logged", "OldPart", "Piece", "ReplayWork", "SeenMessages",
    "Setback", "among", "brought", "checked_rule", "claim", "count_part", "discard", "drop_done_inbox", "drop_part",
    "drop_retention", "end_replay", "ensure_inbox", "erase", "forget", "forget_applied", "guard_quarantine",
    "has_message", "inbox_bodies", "keep_house", "keep_place", "keep_retention", "logged", "mark_replayed",
    "may_be_kept", "message_hash", "move", "newest_setback", "old_parts", "open_items", "original", "parse", "parts_of",
    "quarantine", "received_again", "rehang", "remove", "request_replay", "reread", "settle", "still_there", "store",
    "take_counted", "take_others", "take_up", "tally", "unquarantine", "unsee", "waiting", "waiting_replays", "waits",
    "with_numbers_as_text", "written_forms",
]  # fmt: skip

_COUNTED = Tallied._fields
_COLUMNS = ", ".join(_COUNTED)
_TALLY = f"""
insert into events_tally as t (source_id, hour, {_COLUMNS})
select source_id, date_trunc('hour', %(now)s::timestamptz, 'UTC'), {_COLUMNS}
from unnest(%(sources)s, {", ".join(f"%({name})s" for name in _COUNTED)}) as counted (source_id, {_COLUMNS})
on conflict (hour, source_id) do update set {", ".join(f"{name} = t.{name} + excluded.{name}" for name in _COUNTED)}
"""
_KEEP_TALLIES = timedelta(days=400)


def tally(conn: psycopg.Connection[Any], counts: dict[int, Tallied], *, now: datetime) -> None:
    """Add what became of the items of each source to this hour's numbers."""
    if not counts:
        return
    rows = sorted(counts.items())
    columns = {name: pg.int8s([getattr(numbers, name) for _, numbers in rows]) for name in _COUNTED}
    with pg.cursor(conn) as cursor:
        cursor.execute(_TALLY, {"now": now, "sources": pg.int4s([source_id for source_id, _ in rows]), **columns})


def keep_house(conn: psycopg.Connection[Any], *, now: datetime, dedup_days: int) -> None:
    """Make the partitions to come, drop the inbox's finished ones, trim what is past its time. Safe at any moment;
    `conn` is in autocommit."""
    ensure_inbox(conn, now=now)
    drop_done_inbox(conn, now=now)
    with conn.transaction():
        consolidate(conn, today=now.date(), days=dedup_days)
        conn.execute("delete from events_tally where hour < %s", [now - _KEEP_TALLIES])
