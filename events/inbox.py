"""The inbox: what was accepted, in order, until it is applied.

Rows are read in order of (transaction, id) and only below the oldest transaction still running, so that a row whose
transaction commits late is never passed over by the cursor.
"""

import itertools
import struct
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import zstandard
from psycopg import errors

from common import clock
from events import partitions
from events.contracts import Backlog, InboxRow

_INSERT = b"""
insert into events_inbox (received_at, source_id, events, client_ip, body) values ($1, $2, $3, $4, $5)
"""
_INSERT_TYPES = [1184, 23, 23, 25, 17]  # timestamptz, integer, integer, text, bytea
_INT8, _INT4 = struct.Struct(">q").pack, struct.Struct(">i").pack
_EPOCH_2000_US = 946_684_800_000_000
_CURSOR = "select tx::text, inbox_id, applied from events_cursor where name = 'applier'"
_CLAIM = """
select id, received_at, source_id, client_ip, body, events, tx::text
from (
    select *, sum(events) over (order by tx, id) - events as before
    from (
        select * from events_inbox
        where (tx, id) > (%(tx)s::xid8, %(inbox_id)s) and tx < pg_snapshot_xmin(pg_current_snapshot())
        order by tx, id
        limit %(rows)s
    ) waiting
) counted
where before < %(events)s
order by counted.tx, counted.id
"""
_WAITING = """
select exists (
    select from events_inbox
    where (tx, id) > (coalesce((select tx from events_cursor where name = 'applier'), '0'::xid8),
                      coalesce((select inbox_id from events_cursor where name = 'applier'), 0))
      and tx < pg_snapshot_xmin(pg_current_snapshot())
)
"""
_MOVE = """
insert into events_cursor (name, tx, inbox_id, applied, moved_at)
values ('applier', %(tx)s::xid8, %(inbox_id)s, %(applied)s, %(now)s)
on conflict (name) do update set tx = excluded.tx, inbox_id = excluded.inbox_id,
    applied = events_cursor.applied + excluded.applied, moved_at = excluded.moved_at
"""
_BACKLOG = """
select count(*), coalesce(sum(events), 0), min(received_at) from events_inbox
where (tx, id) > (coalesce((select tx from events_cursor where name = 'applier'), '0'::xid8),
                  coalesce((select inbox_id from events_cursor where name = 'applier'), 0))
"""
_MAX_ROWS = 4_000
# Of wide items, such as rows of files with a hundred columns, a batch has fewer: twenty times as much is held of them
# while they are applied.
_MOST_BYTES = 8 * 1024 * 1024
_prepared: "WeakKeyDictionary[psycopg.Connection[Any], bytes]" = WeakKeyDictionary()
_numbers = itertools.count()
_IN_TRANSACTION = psycopg.pq.TransactionStatus.INTRANS


@dataclass(slots=True)
class Claim:
    """What one batch takes from the inbox, and where the cursor goes when it is applied."""

    rows: list[InboxRow]
    tx: str = "0"
    inbox_id: int = 0
    events: int = 0


def store(
    conn: psycopg.Connection[Any],
    *,
    source_id: int,
    document: bytes,
    events: int,
    client_ip: str | None,
    received_at: datetime,
    compressor: zstandard.ZstdCompressor,
) -> None:
    """Insert one accepted request. Durable when the caller's transaction commits."""
    _open_transaction(conn)
    ip = None if client_ip is None else client_ip.encode()
    moment = _INT8(clock.micros(received_at) - _EPOCH_2000_US)
    row = [moment, _INT4(source_id), _INT4(events), ip, compressor.compress(document)]
    try:
        _insert_guarded(conn, row)
    except errors.InvalidSqlStatementName:
        # psycopg lets go of all prepared statements after DDL and rollbacks; ours went with them.
        _prepared.pop(conn, None)
        _insert_guarded(conn, row)
    except errors.CheckViolation:
        # No partition for this hour: beat has been away for days.
        partitions.ensure_inbox(conn, now=received_at)
        _prepared.pop(conn, None)
        _insert_guarded(conn, row)


def _insert_guarded(conn: psycopg.Connection[Any], row: list[bytes | None]) -> None:
    """Insert such that a failure leaves the caller's transaction usable."""
    with conn.transaction() if conn.info.transaction_status == _IN_TRANSACTION else nullcontext():
        _insert(conn, row)


def _insert(conn: psycopg.Connection[Any], row: list[bytes | None]) -> None:
    """The one statement of the accept path, by libpq directly: psycopg's own machinery costs as much as the insert."""
    raw = conn.pgconn
    name = _prepared.get(conn)
    if name is None:
        # A name of its own each time: whether the last one is still there cannot be known.
        name = b"events_inbox_store_%d" % next(_numbers)
        _check(conn, raw.prepare(name, _INSERT, _INSERT_TYPES))
        _prepared[conn] = name
    # psycopg's types do not say so, but None is NULL here as in libpq.
    _check(conn, raw.exec_prepared(name, row, [1] * len(row)))  # type: ignore[arg-type]


def _check(conn: psycopg.Connection[Any], result: psycopg.pq.abc.PGresult) -> None:
    if result.status == psycopg.pq.ExecStatus.COMMAND_OK:
        return
    if conn.pgconn.status == psycopg.pq.ConnStatus.BAD:
        raise psycopg.OperationalError(conn.pgconn.get_error_message())
    raise errors.error_from_result(result)


def _open_transaction(conn: psycopg.Connection[Any]) -> None:
    """psycopg begins a transaction before a connection's first statement, but only for statements that it sends."""
    if not conn.autocommit and conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        conn.execute("select 1")


def waiting(conn: psycopg.Connection[Any]) -> bool:
    """Whether anything waits; asks without taking the turn, so that an idle applier writes nothing."""
    return bool(conn.execute(_WAITING).fetchall()[0][0])


def claim(conn: psycopg.Connection[Any], *, events: int) -> Claim:
    """What waits, oldest first, up to about `events` events or 8 MB of them, but at least one request. The caller
    holds the turn."""
    cursor = conn.execute(_CURSOR).fetchone() or ("0", 0, 0)
    place = {"tx": cursor[0], "inbox_id": cursor[1], "events": events, "rows": _MAX_ROWS}
    rows = _some(conn.execute(_CLAIM, place, binary=True).fetchall())
    if not rows:
        return Claim([])
    last = rows[-1]
    return Claim([InboxRow(*row[:6]) for row in rows], last[6], last[0], sum(row[5] for row in rows))


def _some(rows: list[Any]) -> list[Any]:
    """The first rows, until what they unpack to is enough."""
    size = 0
    for number, row in enumerate(rows, 1):
        size += _unpacked(row[4])
        if size >= _MOST_BYTES:
            return rows[:number]
    return rows


def _unpacked(body: bytes) -> int:
    """Bytes of a document, which tells them where it begins. One that is damaged is told by who applies it."""
    try:
        return max(zstandard.frame_content_size(body), len(body))
    except zstandard.ZstdError:
        return len(body)


def settle(conn: psycopg.Connection[Any], taken: Claim, *, now: datetime) -> None:
    """Move the cursor past what was taken, in the transaction that applies it."""
    conn.execute(_MOVE, {"tx": taken.tx, "inbox_id": taken.inbox_id, "applied": taken.events, "now": now})


def backlog(conn: psycopg.Connection[Any]) -> Backlog:
    """What is accepted and not yet applied."""
    row = conn.execute(_BACKLOG).fetchall()[0]
    return Backlog(requests=int(row[0]), events=int(row[1]), oldest_at=row[2])
