"""Appending to the event log: binary COPY straight into the partitioned table, one packed row an event."""

import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg

from common import pg
from events import partitions
from events.parse import Batch, envelope

_COPY = (
    "copy events_event (identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties,"
    " envelope) from stdin (format binary)"
)
_FIXED = struct.Struct(">hiqiqiqii").pack
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)
_EPOCH_2000_US = 946_684_800_000_000


_HAS = """
select exists (select from events_event
               where identifier_id = %(identifier)s and source_id = %(source)s and message_id = %(message)s)
"""


def has_message(conn: psycopg.Connection[Any], *, identifier_id: int, source_id: int, message_id: str) -> bool:
    """Whether a message is in the log, on this identifier."""
    asked = {"identifier": identifier_id, "source": source_id, "message": message_id}
    return bool(conn.execute(_HAS, asked).fetchall()[0][0])


class Log:
    """Writes batches; remembers which partitions exist, so that the common batch asks nothing."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def append(self, conn: psycopg.Connection[Any], batch: Batch, identifier_ids: Sequence[int]) -> None:
        """Append the events; each hangs on the identifier given for it."""
        if not len(batch):
            return
        self._ensure_partitions(conn, batch.occurred_us)
        pg.copy_binary(conn, _COPY, _rows(batch, identifier_ids))

    def forget(self) -> None:
        """After a rollback: partitions made in it are gone."""
        self._known.clear()

    def _ensure_partitions(self, conn: psycopg.Connection[Any], occurred_us: list[int]) -> None:
        days = {us // 86_400_000_000 for us in occurred_us}
        moments = [datetime.fromtimestamp(day * 86_400, UTC) for day in days]
        missing = [moment for moment in moments if partitions.log_span(moment)[0] not in self._known]
        if missing:
            self._known.update(partitions.ensure_log(conn, missing))


def _rows(batch: Batch, identifier_ids: Sequence[int]) -> Iterator[bytes]:
    columns = zip(
        batch.items, identifier_ids, batch.occurred_us, batch.received_us, batch.source_ids, batch.names,
        batch.message_ids, batch.sent_at, batch.client_ips, batch.properties, batch.contexts, strict=True,
    )  # fmt: skip
    known: dict[str, bytes] = {}
    for (
        item,
        identifier,
        occurred,
        received,
        source,
        name,
        message_id,
        sent_at,
        client_ip,
        properties,
        context,
    ) in columns:
        kind = item.type or ""
        named = known.get(kind + name)
        if named is None:
            # Type and name are one piece of the row, and the same few come again and again.
            named = known[kind + name] = _text(kind) + _text(name)
        message = message_id.encode()
        rest = envelope(item, context, sent_at=sent_at, client_ip=client_ip)
        yield b"".join(
            (
                _FIXED(9, 8, identifier, 8, occurred - _EPOCH_2000_US, 8, received - _EPOCH_2000_US, 4, source),
                named,
                _LENGTH(len(message)),
                message,
                _LENGTH(len(properties) + 1) + b"\x01" + properties if properties[:1] == b"{" else _NULL,
                _LENGTH(len(rest)),
                rest,
            )
        )


def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH(len(data)) + data
