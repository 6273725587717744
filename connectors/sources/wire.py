"""Reading what SDKs send: a request body into items, each with a verdict. Pure.

The whole body is decoded at once when it is clean, which nearly all are. Otherwise it is cut into its items by a
tolerant scan and each is judged alone, so that one bad item never costs the good ones beside it.
"""

import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import uuid4

import msgspec

from connectors.sources import broken_json
from events.contracts import EVENT_TYPES, Item, Refusal, Text

MAX_BODY = 8 * 1024 * 1024
MAX_UNPACKED = 16 * 1024 * 1024
MAX_ITEM = 32 * 1024
# In UTF-8 this must stay under the 2,704 bytes that PostgreSQL can index.
MAX_ID = 512
MAX_MESSAGE_ID = 255
MAX_ITEMS = 20_000
_MAX_HEADER = 1_000

Usable = Callable[[str, object], bool]
Id = Annotated[str, msgspec.Meta(max_length=MAX_ID)] | int | float | None


class _Object(msgspec.Struct, gc=False):
    """Any JSON object, checked and passed over."""


class _Call(msgspec.Struct, gc=False):
    """An item that needs nothing done to it. The decoder checks types and lengths faster than we could."""

    type: Literal["track", "identify", "page", "screen", "group", "alias"]
    messageId: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_MESSAGE_ID)]
    userId: Id = None
    anonymousId: Id = None
    previousId: Id = None
    groupId: Id = None
    event: Id = None
    name: Text = None
    category: Text = None
    timestamp: Text = None
    originalTimestamp: Text = None
    sentAt: Text = None
    properties: _Object | None = None
    traits: _Object | None = None
    context: _Object | None = None
    integrations: _Object | None = None


class _Calls(msgspec.Struct, gc=False):
    batch: Annotated[list[_Call], msgspec.Meta(max_length=MAX_ITEMS)]
    sentAt: Text = None
    writeKey: Text = None
    context: _Object | None = None


class _Sizes(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw]


_decode_call = msgspec.json.Decoder(_Call).decode
_decode_calls = msgspec.json.Decoder(_Calls).decode
_decode_sizes = msgspec.json.Decoder(_Sizes).decode
_decode_item = msgspec.json.Decoder(Item).decode
_decode_pieces = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class BadRequest(Exception):
    """The body as a whole cannot be read. `code` and `message` go to the client as they are."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Refused:
    """An item that was not taken: where it stood, why, and its bytes for the quarantine."""

    index: int
    refusal: Refusal
    raw: bytes
    message_id: str | None = None


@dataclass(slots=True)
class Reading:
    """What a body holds: the document for the inbox, its message ids in order, and what was refused."""

    document: bytes
    message_ids: list[str] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    write_key: str | None = None


def unpack(body: bytes, *, encoding: str) -> bytes:
    """Undo gzip or deflate with a hard limit on the output. A body that starts with gzip's magic is gzip, whatever
    its label says."""
    if not (body[:2] == b"\x1f\x8b" or encoding == "deflate"):
        return body
    try:
        if encoding == "deflate" and body[:2] != b"\x1f\x8b":
            inflater = zlib.decompressobj()
            unpacked = inflater.decompress(body, MAX_UNPACKED + 1)
        else:
            unpacked = gzip.GzipFile(fileobj=io.BytesIO(body)).read(MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error):
        raise BadRequest(400, "invalid_gzip", "The body is labelled gzip but cannot be unpacked.") from None
    if len(unpacked) > MAX_UNPACKED:
        raise BadRequest(413, "body_too_large", f"Unpacked, the body is larger than {MAX_UNPACKED >> 20} MB.")
    return unpacked


def read_batch(body: bytes, *, usable: Usable) -> Reading:
    """A `/v1/batch` body. Raises BadRequest when it is not a JSON object with a list `batch`. `usable(kind, value)`
    says whether an id tells who somebody is."""
    clean = broken_json.storable(body)
    return _read_at_once(clean, usable) or _read_one_by_one(clean, usable)


def read_items(items: Sequence[bytes], *, usable: Usable) -> Reading:
    """Items that stand alone already, such as rows of a file; storable, and at most as many as a body may hold."""
    body = b'{"batch":[' + b",".join(items) + b"]}"
    try:
        calls = _decode_calls(body).batch
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _assemble(list(items), {}, usable)
    if max(map(len, items), default=0) > MAX_ITEM:
        return _assemble(list(items), {}, usable)
    reading = Reading(document=body)
    for index, call in enumerate(calls):
        # Only what the quick look does not settle is looked at again.
        outcome = None if _complete_call(call, usable) else judge(items[index], usable=usable)
        if isinstance(outcome, Refusal):
            reading.refused.append(Refused(index, outcome, items[index]))
        else:
            reading.indexes.append(index)
            reading.message_ids.append(call.messageId)
    if reading.refused:
        reading.document = b'{"batch":[' + b",".join(items[index] for index in reading.indexes) + b"]}"
    return reading


def _read_at_once(clean: bytes, usable: Usable) -> Reading | None:
    """The whole body when nothing needs to be done to it, which is nearly always."""
    try:
        calls = _decode_calls(clean)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    if not all(_complete_call(call, usable) for call in calls.batch) or not _all_small(clean):
        return None
    return Reading(
        document=clean,
        message_ids=[call.messageId for call in calls.batch],
        indexes=list(range(len(calls.batch))),
        write_key=_key(calls.writeKey) or None,
    )


def read_single(body: bytes, *, event_type: str, usable: Usable) -> Reading:
    """A `/v1/track`-like body: one item, whose type the path says."""
    clean = broken_json.storable(body).strip()
    if clean[:1] != b"{" or clean[-1:] != b"}":
        raise BadRequest(400, "invalid_json", "The body is not a JSON object.")
    judged = judge(clean, usable=usable, default_type=event_type)
    reading = Reading(document=b"", write_key=_single_key(clean))
    _place(reading, 0, clean, judged)
    reading.document = b'{"batch":[' + b",".join(_documents(reading, [judged])) + b"]}"
    return reading


def with_received(document: bytes, *, user_agent: str, language: str) -> bytes:
    """The document with what its request told of the device; the last of two such members counts."""
    told = _encode({"userAgent": user_agent[:_MAX_HEADER], "language": language[:_MAX_HEADER]})
    return document.rstrip()[:-1] + b',"received":' + told + b"}"


def is_complete(raw: bytes, *, usable: Usable) -> bool:
    """Whether an item can be stored as it is: it says who, what, when and which, and nothing needs to be mended."""
    try:
        call = _decode_call(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    told_when = call.timestamp or call.originalTimestamp
    return (
        bool(told_when) and len(raw) <= MAX_ITEM and broken_json.storable(raw) is raw and _complete_call(call, usable)
    )


def judge(raw: bytes, *, usable: Usable, default_type: str | None = None) -> tuple[Item, bytes] | Refusal:
    """Read one item: the item with its (completed) JSON, or why it is refused."""
    if len(raw) > MAX_ITEM:
        return Refusal("too_large", f"The item has {len(raw):,} bytes; the limit is {MAX_ITEM:,}.")
    try:
        item = _decode_item(raw)
    except RecursionError:
        return Refusal("too_deep", "The item is nested too deeply to be read.")
    except msgspec.ValidationError as error:
        return Refusal("wrong_type", str(error))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Refusal("invalid_json", str(error))
    refusal = _objection(item, default_type, usable)
    if refusal is not None:
        return refusal
    return item, _complete(raw, item, default_type)


def _complete_call(call: _Call, usable: Usable) -> bool:
    """Whether the quick look suffices: somebody did it, and a track says what."""
    return bool(call.event or call.type != "track") and (
        usable("user_id", call.userId) or usable("anonymous_id", call.anonymousId)
    )


def _all_small(clean: bytes) -> bool:
    return len(clean) <= MAX_ITEM or max(map(len, _decode_sizes(clean).batch), default=0) <= MAX_ITEM


def _objection(item: Item, default_type: str | None, usable: Usable) -> Refusal | None:
    event_type = item.type or default_type
    if event_type not in EVENT_TYPES:
        return Refusal("unknown_type", f"`type` must be one of {', '.join(sorted(EVENT_TYPES))}; it is {event_type!r}.")
    if event_type == "track" and _blank(item.event):
        return Refusal("missing_event", "A track call needs `event`, the name of what happened.")
    return _shape_objection(item) or _identity_objection(item, event_type, usable)


def _shape_objection(item: Item) -> Refusal | None:
    for name in ("properties", "traits", "context", "integrations"):
        raw = bytes(getattr(item, name))
        if raw and raw[:1] != b"{" and raw != b"null":
            return Refusal("wrong_type", f"`{name}` must be an object.")
    for name in ("userId", "anonymousId", "previousId", "groupId", "event"):
        value = getattr(item, name)
        if isinstance(value, str) and len(value) > MAX_ID:
            return Refusal("id_too_long", f"`{name}` has {len(value):,} characters; the limit is {MAX_ID:,}.")
    if isinstance(item.messageId, str) and len(item.messageId) > MAX_MESSAGE_ID:
        return Refusal("id_too_long", f"`messageId` is longer than {MAX_MESSAGE_ID} characters.")
    return None


def _identity_objection(item: Item, event_type: str | None, usable: Usable) -> Refusal | None:
    if usable("user_id", item.userId) or usable("anonymous_id", item.anonymousId):
        return None
    if event_type == "alias" and usable("user_id", item.previousId):
        return None
    # Rows of offline data may be known by external ids, or by nothing but their traits.
    context = bytes(item.context)
    if b'"externalIds"' in context or b'"traits"' in context or len(item.traits) > 2:
        return None
    if _blank(item.userId) and _blank(item.anonymousId):
        return Refusal("no_identity", "The item has neither `userId` nor `anonymousId`.")
    return Refusal("unusable_identity", "Neither `userId` nor `anonymousId` says who it was: they are placeholders.")


def _blank(value: object) -> bool:
    return value is None or value == ""


def _complete(raw: bytes, item: Item, default_type: str | None) -> bytes:
    """Add the type that the path said and the messageId that the client left out. Later keys win in JSON."""
    extra: dict[str, str] = {}
    if item.type is None and default_type:
        extra["type"] = default_type
    if not isinstance(item.messageId, str) or not item.messageId:
        extra["messageId"] = str(uuid4()) if _blank(item.messageId) else str(item.messageId)
    if not extra:
        return raw
    item.messageId = extra.get("messageId", item.messageId)
    inner = raw.strip()[:-1].rstrip()
    return inner + (b"" if inner.endswith(b"{") else b",") + _encode(extra)[1:]


def _read_one_by_one(clean: bytes, usable: Usable) -> Reading:
    try:
        pieces = _decode_pieces(clean)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pieces = broken_json.members(clean)
        if not pieces:
            raise BadRequest(400, "invalid_json", "The body is not a JSON object.") from None
    if "batch" not in pieces:
        raise BadRequest(400, "invalid_request", "The body needs `batch`, a list of calls.")
    listing = bytes(pieces["batch"]).strip()
    if listing[:1] != b"[":
        raise BadRequest(400, "invalid_request", "`batch` must be a list of calls.")
    return _assemble(broken_json.elements(listing), pieces, usable)


def _assemble(raws: list[bytes], pieces: dict[str, msgspec.Raw], usable: Usable) -> Reading:
    if len(raws) > MAX_ITEMS:
        raise BadRequest(413, "too_many_items", f"A batch may hold {MAX_ITEMS:,} calls; this one has {len(raws):,}.")
    reading = Reading(document=b"", write_key=_key(broken_json.decoded(pieces.get("writeKey"))) or None)
    judged = [judge(raw, usable=usable) for raw in raws]
    for index, (raw, outcome) in enumerate(zip(raws, judged, strict=True)):
        _place(reading, index, raw, outcome)
    head = b""
    for name in ("sentAt", "context"):
        value = bytes(pieces.get(name, b""))
        if value[:1] == (b'"' if name == "sentAt" else b"{") and broken_json.decodes(value):
            head += b'"' + name.encode() + b'":' + value + b","
    reading.document = b"{" + head + b'"batch":[' + b",".join(_documents(reading, judged)) + b"]}"
    return reading


def _place(reading: Reading, index: int, raw: bytes, outcome: tuple[Item, bytes] | Refusal) -> None:
    if isinstance(outcome, Refusal):
        reading.refused.append(Refused(index, outcome, raw))
        return
    reading.indexes.append(index)
    reading.message_ids.append(str(outcome[0].messageId))


def _documents(reading: Reading, judged: list[tuple[Item, bytes] | Refusal]) -> list[bytes]:
    return [outcome[1] for outcome in judged if not isinstance(outcome, Refusal)]


def _single_key(raw: bytes) -> str | None:
    try:
        return _key(broken_json.decoded(_decode_pieces(raw).get("writeKey"))) or None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def _key(value: object) -> str:
    return value if isinstance(value, str) else ""
