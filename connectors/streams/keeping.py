"""Messages become items of the inbox in the transaction that moves the place up to which a stream was read."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import psycopg
import zstandard

from connectors.streams.contracts import Read
from connectors.streams.messages import Message, read_messages
from events import services as events


def keep(
    conn: psycopg.Connection[Any], messages: Sequence[Message], *, source_id: int,
    compressor: zstandard.ZstdCompressor, now: datetime, move: Callable[[psycopg.Connection[Any]], object],
) -> Read:  # fmt: skip
    """Store what is accepted, quarantine what is not, and `move`: all of it or nothing."""
    items = read_messages(messages)
    with conn.transaction():
        if items.accepted:
            events.store(
                conn, source_id=source_id, document=items.document, events=len(items.accepted), client_ip=None,
                received_at=now, compressor=compressor,
            )  # fmt: skip
        events.quarantine(conn, [
            events.Setback(source_id, why.reason, why.detail, name, raw) for why, name, raw in items.refused
        ], stage="accept", received_at=now)  # fmt: skip
        move(conn)
    return Read(len(messages), len(items.accepted), len(items.refused))


def plus(a: Read, b: Read) -> Read:
    """Both together."""
    return Read(a.messages + b.messages, a.accepted + b.accepted, a.refused + b.refused, a.more or b.more)
