"""Reading the log once more, piece by piece in the order of its pages, and hanging events on other identifiers.

A piece is some pages of one partition: reading on costs the same however far one is, and a row that is written anew
(because it hangs elsewhere now) is at worst read twice.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from common import pg
from events.contracts import Item, LogFilter, text
from events.parse import Batch
from events.partitions import log_ends

_FITS = """
(%(source_id)s::int is null or e.source_id = %(source_id)s::int) and (%(event)s::text = '' or e.name = %(event)s::text)
and (%(since)s::timestamptz is null or e.occurred_at >= %(since)s::timestamptz)
and (%(until)s::timestamptz is null or e.occurred_at < %(until)s::timestamptz)
and (%(ids)s::bigint[] is null or e.identifier_id = any(%(ids)s::bigint[]))
"""
_COLUMNS = """e.ctid::text, e.identifier_id, (extract(epoch from e.occurred_at) * 1000000)::bigint,
    e.source_id, e.type, e.name, e.message_id, e.envelope"""
_PAGES = " and e.ctid >= %(first)s::tid and e.ctid < %(last)s::tid"
_THERE = """
select count(*) from {partition} e join unnest(%(places)s::tid[], %(messages)s::text[]) as n (place, message)
    on e.ctid = n.place and e.message_id = n.message
"""
_REHANG = """
update {partition} e set identifier_id = n.identifier_id
from unnest(%(places)s::tid[], %(ids)s) as n (place, identifier_id) where e.ctid = n.place
"""
_COUNT_SECONDS = 10
_SAMPLE_PERCENT = 1
_decode = msgspec.json.Decoder(Item).decode


@dataclass(slots=True)
class Piece:
    """Events as they stand in one partition: with their places, and the identifiers that they hang on."""

    partition: str
    places: list[str]
    identifier_ids: list[int]
    batch: Batch

    def __len__(self) -> int:
        return len(self.places)


def parts_of(conn: psycopg.Connection[Any], fits: LogFilter) -> list[str]:
    """The partitions that may hold what fits, the oldest first."""
    return [
        name
        for name, begin, end in log_ends(conn)
        if (fits.until is None or begin is None or begin < fits.until)
        and (fits.since is None or end is None or end > fits.since)
    ]


def reread(
    conn: psycopg.Connection[Any], fits: LogFilter, *, ids: Sequence[int] | None, part: str, page: int, pages: int
) -> tuple[Piece, int | None]:
    """What fits on the next pages of a partition, and the page after them; None at its end. Of some identifiers (`ids`)
    all of a partition is one piece."""
    asked = _asked(fits, ids)
    bounds = ""
    following: int | None = None
    if ids is None:
        row = conn.execute(
            "select pg_relation_size(to_regclass(%s)) / current_setting('block_size')::int", [part]
        ).fetchone()
        # Retention may have dropped it meanwhile.
        if row is None or row[0] is None or page >= row[0]:
            return Piece(part, [], [], Batch()), None
        asked |= {"first": f"({page},0)", "last": f"({page + pages},0)"}
        bounds, following = _PAGES, page + pages
    query = f"select {_COLUMNS} from {{partition}} e where {_FITS}{bounds}"
    with psycopg.Cursor(conn) as cursor:
        return _piece(part, cursor.execute(_about(part, query), asked).fetchall()), following


def still_there(conn: psycopg.Connection[Any], piece: Piece) -> bool:
    """Whether all of it stands as it was read; the caller has the turn, so that it goes on to."""
    given = {"places": piece.places, "messages": piece.batch.message_ids}
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(_about(piece.partition, _THERE), given).fetchone()
    return bool(row and row[0] == len(piece))


def rehang(conn: psycopg.Connection[Any], piece: Piece, at: Sequence[int], identifier_ids: Sequence[int]) -> None:
    """Hang the events at these positions on other identifiers. The caller has the turn."""
    given = {"places": [piece.places[place] for place in at], "ids": pg.int8s(identifier_ids)}
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(_about(piece.partition, _REHANG), given)


def count_events(fits: LogFilter, *, ids: Sequence[int] | None) -> tuple[int, bool]:
    """How many events fit, and whether that is an estimate: counted for ten seconds, else of one page in a hundred."""
    try:
        return _count(fits, ids, ""), False
    except psycopg.errors.QueryCanceled:
        sampled = _count(fits, ids, f"tablesample system ({_SAMPLE_PERCENT})")
        return sampled * 100 // _SAMPLE_PERCENT, True


def _count(fits: LogFilter, ids: Sequence[int] | None, sample: str) -> int:
    with pg.connect() as conn, psycopg.Cursor(conn) as cursor:
        cursor.execute("select set_config('statement_timeout', %s, true)", [f"{_COUNT_SECONDS}s"])
        row = cursor.execute(
            f"select count(*) from events_event e {sample} where {_FITS}", _asked(fits, ids)
        ).fetchone()
    return int(row[0]) if row else 0


def _asked(fits: LogFilter, ids: Sequence[int] | None) -> dict[str, Any]:
    return {
        "source_id": fits.source_id, "event": fits.event, "since": fits.since, "until": fits.until,
        "ids": None if ids is None else list(ids),
    }  # fmt: skip


def _piece(part: str, rows: Iterable[Sequence[Any]]) -> Piece:
    """What evidence is made of; nobody asks for properties here."""
    piece = Piece(part, [], [], Batch())
    batch = piece.batch
    for place, identifier_id, at_us, source_id, kind, name, message_id, envelope in rows:
        # The envelope keeps the item's own names: what is missing are the columns.
        item = _decode(envelope)
        item.type, item.messageId, item.event = kind, message_id, name if kind == "track" else None
        piece.places.append(place)
        piece.identifier_ids.append(identifier_id)
        batch.items.append(item)
        batch.source_ids.append(source_id)
        batch.received_us.append(at_us)
        batch.occurred_us.append(at_us)
        batch.names.append(name)
        batch.message_ids.append(message_id)
        batch.sent_at.append(text(item.sentAt))
        batch.client_ips.append(None)
        batch.properties.append(b"")
        batch.contexts.append(bytes(item.context))
    return piece


def _about(part: str, query: str) -> sql.Composed:
    return sql.Composed([sql.SQL(query.replace("{partition}", f'"{part}"'))])
