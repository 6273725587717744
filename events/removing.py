"""Taking messages out of the log again, as if they had never come, and reading what it has of identifiers."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import psycopg

from common import pg
from common.clock import micros
from events.contracts import Item, text
from events.dedup import Hashes, message_hash
from events.parse import Batch, instant_us, occurred

_PIECE = 20_000
_BROUGHT = (
    "select identifier_id, message_id from events_event where source_id = %(source)s and received_at >= %(since)s"
)
_OF = """
select identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties::text, envelope
from events_event where identifier_id = any(%(ids)s)
"""
# The identifiers lead to the rows by the index; the columns say which of them.
_THESE = """
from unnest(%(owners)s, %(at)s, %(received)s, %(messages)s{more}) as n (owner, at, received, message{names})
where e.identifier_id = any(%(ids)s) and e.identifier_id = n.owner and e.occurred_at = n.at
  and e.received_at = n.received and e.message_id = n.message and e.source_id = %(source)s
"""
_DELETE = "delete from events_event e using " + _THESE.format(more="", names="").replace("from ", "", 1)
_MOVE = "update events_event e set occurred_at = n.now_at, received_at = n.now_received " + _THESE.format(
    more=", %(now_at)s, %(now_received)s", names=", now_at, now_received"
)
_SEEN = "select id, hashes from events_seen order by id for update"
_UNSEEN = """
insert into events_cursor (name, tx, inbox_id, applied, moved_at) values ('unseen', '0', 0, 1, now())
on conflict (name) do update set applied = events_cursor.applied + 1, moved_at = excluded.moved_at
"""
_OPEN_ITEMS = """
select id, message_id from events_quarantineditem where source_id = %(source)s and received_at >= %(since)s
"""
_decode = msgspec.json.Decoder(Item).decode


@dataclass(frozen=True, slots=True)
class Logged:
    """Events of the log with the identifiers they hang on, position by position."""

    batch: Batch
    identifier_ids: list[int]

    def __len__(self) -> int:
        return len(self.identifier_ids)

    def only(self, keep: list[int]) -> "Logged":
        """Those at these positions."""
        return Logged(self.batch.only(keep), [self.identifier_ids[place] for place in keep])


def brought(
    conn: psycopg.Connection[Any], *, source_id: int, since: datetime, hashes: Hashes
) -> dict[int, int]:  # fmt: skip
    """How many events of these messages (hashes ascending) hang on each identifier, of what came since an instant."""
    found: dict[int, int] = {}
    with conn.transaction(), psycopg.ServerCursor(conn, "brought") as cursor:
        cursor.itersize = _PIECE
        cursor.execute(_BROUGHT, {"source": source_id, "since": since})
        while rows := cursor.fetchmany(_PIECE):
            theirs = np.fromiter((message_hash(source_id, row[1]) for row in rows), dtype=np.uint64, count=len(rows))
            for place in np.flatnonzero(among(theirs, hashes)).tolist():
                owner = rows[place][0]
                found[owner] = found.get(owner, 0) + 1
    return found


def among(wanted: Hashes, hashes: Hashes) -> Any:
    """Which of these are among the hashes (ascending)."""
    if not len(hashes):
        return np.zeros(len(wanted), dtype=np.bool_)
    places = np.searchsorted(hashes, wanted)
    places[places == len(hashes)] = 0
    return hashes[places] == wanted


def logged(conn: psycopg.Connection[Any], identifier_ids: Collection[int]) -> Iterator[Logged]:
    """All events that hang on these identifiers, a piece at a time. Inside a transaction of the caller's."""
    if not identifier_ids:
        return
    with psycopg.ServerCursor(conn, "logged") as cursor:
        cursor.itersize = _PIECE
        cursor.execute(_OF, {"ids": pg.int8s(sorted(identifier_ids))})
        while rows := cursor.fetchmany(_PIECE):
            yield _as_batch(rows)


def _as_batch(rows: Iterable[Sequence[Any]]) -> Logged:
    """The events as they came from the inbox."""
    made, owners = Batch(), []
    for owner, at, received, source_id, kind, name, message_id, properties, envelope in rows:
        # The log keeps the item's own names, so what it keeps is the item but for these.
        item = _decode(envelope)
        item.type, item.messageId, item.event = kind, message_id, name if kind == "track" else None
        owners.append(owner)
        made.items.append(item)
        made.source_ids.append(source_id)
        made.received_us.append(micros(received))
        made.occurred_us.append(micros(at))
        made.names.append(name)
        made.message_ids.append(message_id)
        made.sent_at.append(text(item.sentAt))
        made.client_ips.append(None)
        made.properties.append(b"" if properties is None else properties.encode())
        made.contexts.append(bytes(item.context))
        # What was told at the door was put into the context before the log was written.
        made.received.append(None)
    return Logged(made, owners)


def received_again(one: Logged, received_us: Sequence[int]) -> Logged:
    """The same events as if they had been received at these times: what tells no time of its own happened then."""
    batch = one.batch
    at = [
        occurred(received, instant_us(sent), instant_us(item.originalTimestamp))
        for received, sent, item in zip(received_us, batch.sent_at, batch.items, strict=True)
    ]
    moved = Batch(
        batch.items, batch.source_ids, list(received_us), at, batch.names, batch.message_ids, batch.sent_at,
        batch.client_ips, batch.properties, batch.contexts, batch.received,
    )  # fmt: skip
    return Logged(moved, one.identifier_ids)


def remove(conn: psycopg.Connection[Any], gone: Logged, *, source_id: int) -> int:
    """Delete these events of one source. The caller has the turn."""
    if not len(gone):
        return 0
    with psycopg.Cursor(conn) as cursor:
        return cursor.execute(_DELETE, _these(gone, source_id)).rowcount


def move(conn: psycopg.Connection[Any], before: Logged, after: Logged, *, source_id: int) -> None:
    """Write the times of `after` where the log has those of `before`. The caller has the turn."""
    if not len(before):
        return
    moments = {
        "now_at": pg.timestamps(after.batch.occurred_us), "now_received": pg.timestamps(after.batch.received_us)
    }  # fmt: skip
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(_MOVE, {**_these(before, source_id), **moments})


def _these(some: Logged, source_id: int) -> dict[str, Any]:
    return {
        "ids": pg.int8s(sorted(set(some.identifier_ids))), "owners": pg.int8s(some.identifier_ids),
        "at": pg.timestamps(some.batch.occurred_us), "received": pg.timestamps(some.batch.received_us),
        "messages": pg.texts(some.batch.message_ids), "source": source_id,
    }  # fmt: skip


def unsee(conn: psycopg.Connection[Any], hashes: Hashes) -> int:
    """Forget that these messages (hashes ascending) were seen, so that they may come again; how many were known.

    The caller has the turn under a name of his own, so the applier reads anew what has been seen.
    """
    forgotten = 0
    for row_id, kept in conn.execute(_SEEN).fetchall():
        known = np.frombuffer(kept, dtype=np.uint64)
        gone = among(known, hashes)
        if gone.any():
            forgotten += int(gone.sum())
            conn.execute("update events_seen set hashes = %s where id = %s", [known[~gone].tobytes(), row_id])
    if forgotten:
        conn.execute(_UNSEEN)
    return forgotten


def unquarantine(conn: psycopg.Connection[Any], *, source_id: int, since: datetime, hashes: Hashes) -> int:
    """Delete quarantined items of these messages; how many there were."""
    rows = conn.execute(_OPEN_ITEMS, {"source": source_id, "since": since}).fetchall()
    theirs = np.fromiter((message_hash(source_id, row[1]) for row in rows), dtype=np.uint64, count=len(rows))
    ids = [rows[place][0] for place in np.flatnonzero(among(theirs, hashes)).tolist()]
    return conn.execute("delete from events_quarantineditem where id = any(%s)", [ids]).rowcount if ids else 0
