"""From inbox rows to a batch of events, column by column. Pure: the rows and the time are arguments."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import zstandard

from common.clock import micros
from events.contracts import Body, InboxRow, Item, Text, rule_name, text

OLDEST = timedelta(days=20 * 366)
NEWEST = timedelta(days=1)

_decode = msgspec.json.Decoder(Body).decode
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

    def __len__(self) -> int:
        return len(self.items)

    def only(self, keep: list[int]) -> "Batch":
        """The events at these positions, in this order."""
        return Batch(*([column[i] for i in keep] for column in self._columns()))

    def _columns(self) -> tuple[list, ...]:  # type: ignore[type-arg]
        return (
            self.items, self.source_ids, self.received_us, self.occurred_us, self.names, self.message_ids,
            self.sent_at, self.client_ips,
        )  # fmt: skip


def parse(rows: list[InboxRow], *, decompressor: zstandard.ZstdDecompressor) -> Batch:
    """Unpack and decode what was accepted. It was checked at the door, so a row that fails here is a surprise."""
    batch = Batch()
    for row in rows:
        body = _decode(decompressor.decompress(row.body))
        received_us = micros(row.received_at)
        body_sent_us = _instant(body.sentAt)
        for item in body.batch:
            if not item.context and body.context:
                item.context = body.context
            name = rule_name(item.type or "", text(item.event))
            sent_us = body_sent_us if item.sentAt is None else _instant(item.sentAt)
            batch.items.append(item)
            batch.source_ids.append(row.source_id)
            batch.received_us.append(received_us)
            original = item.originalTimestamp if item.timestamp is None else item.timestamp
            batch.occurred_us.append(occurred(received_us, sent_us, _instant(original)))
            batch.names.append(name)
            batch.message_ids.append(str(item.messageId))
            batch.sent_at.append(text(item.sentAt if item.sentAt is not None else body.sentAt))
            batch.client_ips.append(row.client_ip)
    return batch


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


def envelope(item: Item, *, sent_at: str | None, client_ip: str | None) -> bytes:
    """The remaining fields of an event as one JSON object."""
    original = item.originalTimestamp if item.timestamp is None else item.timestamp
    return _encode(
        Envelope(
            userId=text(item.userId), anonymousId=text(item.anonymousId), groupId=text(item.groupId),
            previousId=text(item.previousId), name=text(item.name), category=text(item.category),
            originalTimestamp=text(original), sentAt=sent_at, traits=_given(item.traits),
            context=_given(with_ip(item.context, client_ip)), integrations=_given(item.integrations),
        )
    )  # fmt: skip


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


def with_ip(context: msgspec.Raw, client_ip: str | None) -> msgspec.Raw:
    """`context.ip` is filled from the connection when the client did not give it."""
    if client_ip is None:
        return context
    raw = bytes(context)
    if b'"ip"' in raw:
        return context
    inner = raw[1:].lstrip() if raw[:1] == b"{" else b"}"
    return msgspec.Raw(b'{"ip":"' + client_ip.encode() + (b'"' if inner[:1] == b"}" else b'",') + inner)


def _given(raw: msgspec.Raw) -> msgspec.Raw | None:
    return raw if len(bytes(raw)) else None


_OLDEST_US = OLDEST // timedelta(microseconds=1)
_NEWEST_US = NEWEST // timedelta(microseconds=1)


def _instant(value: Text) -> int | None:
    """An ISO 8601 time in microseconds, or None when it is absent or cannot be read. Without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
