"""From inbox rows to a batch of events, column by column. Pure: the rows and the time are arguments."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import zstandard

from common.clock import micros
from events.contracts import Body, Damaged, InboxRow, Item, Received, Text, rule_name, text

OLDEST = timedelta(days=20 * 366)
NEWEST = timedelta(days=1)
# Doors take 16 MB at a time: what says that it unpacks to so much more is damaged, and is not given the memory.
_LARGEST = 256 * 1024 * 1024
_PIECE = 1_024

_decode = msgspec.json.Decoder(Body).decode
_decode_received = msgspec.json.Decoder(Received).decode
_encode = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct, omit_defaults=True, gc=False):
    """The fields of an event that have no column of their own, in Segment's names."""

    userId: str | None = None
    anonymousId: str | None = None
    groupId: str | None = None
    previousId: str | None = None
    name: str | None = None
    category: str | None = None
    originalTimestamp: str | None = None
    sentAt: str | None = None
    traits: msgspec.Raw | None = None
    context: msgspec.Raw | None = None
    integrations: msgspec.Raw | None = None


@dataclass(slots=True)
class Batch:
    """Events in columns, aligned by position."""

    items: list[Item] = field(default_factory=list)
    source_ids: list[int] = field(default_factory=list)
    received_us: list[int] = field(default_factory=list)
    occurred_us: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    message_ids: list[str] = field(default_factory=list)
    sent_at: list[str | None] = field(default_factory=list)
    client_ips: list[str | None] = field(default_factory=list)
    properties: list[bytes] = field(default_factory=list)
    contexts: list[bytes] = field(default_factory=list)
    received: list[Received | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.items)

    def only(self, keep: list[int]) -> "Batch":
        """The events at these positions, in this order."""
        # Whoever reads the log again has no requests: that column stays empty.
        return Batch(*([column[i] for i in keep] if column else [] for column in self._columns()))

    def extend(self, other: "Batch") -> None:
        """Take the events of another batch in, after these."""
        for mine, theirs in zip(self._columns(), other._columns(), strict=True):
            mine += theirs

    def _columns(self) -> tuple[list[Any], ...]:
        return (
            self.items, self.source_ids, self.received_us, self.occurred_us, self.names, self.message_ids,
            self.sent_at, self.client_ips, self.properties, self.contexts, self.received,
        )  # fmt: skip


def parse(rows: Iterable[InboxRow], *, decompressor: zstandard.ZstdDecompressor) -> tuple[Batch, list[Damaged]]:
    """Unpack and decode what was accepted. It was checked at the door, so a row that cannot be read was damaged since;
    it costs no other."""
    batch, damaged = Batch(), list[Damaged]()
    for row in rows:
        try:
            body = _decode(unpacked(row.body, decompressor))
        except (zstandard.ZstdError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, MemoryError) as failure:
            damaged.append(Damaged(row, str(failure) or type(failure).__name__, readable(row.body)))
            continue
        received_us = micros(row.received_at)
        body_sent_us, body_sent_at = instant_us(body.sentAt), text(body.sentAt)
        default_context = bytes(body.context)
        items = body.batch
        batch.items += items
        batch.source_ids += [row.source_id] * len(items)
        batch.received_us += [received_us] * len(items)
        batch.client_ips += [row.client_ip] * len(items)
        batch.received += [_received(body.received)] * len(items)
        for item in items:
            sent = item.sentAt
            original = item.originalTimestamp if item.timestamp is None else item.timestamp
            original_us = None if original is None else instant_us(original)
            sent_us = body_sent_us if sent is None else instant_us(sent)
            batch.occurred_us.append(occurred(received_us, sent_us, original_us))
            batch.names.append(rule_name(item.type or "", text(item.event)))
            batch.message_ids.append(str(item.messageId))
            batch.sent_at.append(body_sent_at if sent is None else text(sent))
            batch.properties.append(bytes(item.properties))
            batch.contexts.append(bytes(item.context) or default_context)
    return batch, damaged


def unpacked(body: bytes, decompressor: zstandard.ZstdDecompressor) -> bytes:
    """A document as it was accepted. Raises ZstdError when it was damaged since."""
    if zstandard.frame_content_size(body) > _LARGEST:
        raise zstandard.ZstdError("it says that it unpacks to more than any door takes")
    return decompressor.decompress(body)


def readable(body: bytes) -> bytes:
    """What comes out of a document before the place where it is damaged."""
    stream, found = zstandard.ZstdDecompressor().decompressobj(), bytearray()
    try:
        for start in range(0, len(body), _PIECE):
            found += stream.decompress(body[start : start + _PIECE])
            if len(found) > _LARGEST or stream.eof:
                break
    except zstandard.ZstdError:
        pass
    return bytes(found)


def _received(raw: msgspec.Raw) -> Received | None:
    try:
        return _decode_received(raw) if len(raw) else None
    except msgspec.ValidationError:
        return None


def occurred(received_us: int, sent_us: int | None, original_us: int | None) -> int:
    """When it happened by the server's clock, in microseconds: `receivedAt - (sentAt - originalTimestamp)`.

    Segment's formula (https://segment.com/docs/connections/spec/common/#timestamp-overview). Without `sentAt` the
    client's own time is taken; a time that cannot be (older than 20 years, or over a day ahead) tells nothing about
    when it happened, so the time of receipt stands.
    """
    if original_us is None:
        return received_us
    moment = original_us if sent_us is None else received_us - (sent_us - original_us)
    if not received_us - _OLDEST_US <= moment <= received_us + _NEWEST_US:
        return received_us
    return moment


def envelope(item: Item, context: bytes, *, sent_at: str | None, client_ip: str | None) -> bytes:
    """The remaining fields of an event as one JSON object."""
    if client_ip is not None:
        context = with_ip(context, client_ip)
    original = item.originalTimestamp if item.timestamp is None else item.timestamp
    return _encode(
        Envelope(
            userId=item.userId if item.userId is None else text(item.userId),
            anonymousId=item.anonymousId if item.anonymousId is None else text(item.anonymousId),
            groupId=item.groupId if item.groupId is None else text(item.groupId),
            previousId=item.previousId if item.previousId is None else text(item.previousId),
            name=item.name if item.name is None else text(item.name),
            category=item.category if item.category is None else text(item.category),
            originalTimestamp=original if original is None else text(original),
            sentAt=sent_at,
            traits=item.traits if len(item.traits) else None,
            context=msgspec.Raw(context) if context else None,
            integrations=item.integrations if len(item.integrations) else None,
        )
    )


def original(item: Item) -> bytes:
    """The item as JSON, as it could be sent again."""
    return (
        b"{"
        + b",".join(
            b'"' + name.encode() + b'":' + (bytes(value) if isinstance(value, msgspec.Raw) else _encode(value))
            for name, value in ((name, getattr(item, name)) for name in item.__struct_fields__)
            if value is not None and not (isinstance(value, msgspec.Raw) and len(value) == 0)
        )
        + b"}"
    )


def with_ip(context: bytes, client_ip: str) -> bytes:
    """`context.ip` is filled from the connection when the client did not give it."""
    if b'"ip"' in context:
        return context
    inner = context[1:].lstrip() if context[:1] == b"{" else b"}"
    return b'{"ip":"' + client_ip.encode() + (b'"' if inner[:1] == b"}" else b'",') + inner


_OLDEST_US = OLDEST // timedelta(microseconds=1)
_NEWEST_US = NEWEST // timedelta(microseconds=1)


def instant_us(value: Text) -> int | None:
    """An ISO 8601 time in microseconds, or None when it is absent or cannot be read. Without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
