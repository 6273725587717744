"""What became of messages is events like any other: in the log, on the timeline, erased with the person.

Names of e-mail events are those of Segment's spec (https://segment.com/docs/connections/spec/email/); other channels
follow the same pattern. The same is told once: message ids are made from the send and what happened.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import zstandard

from campaigns.sending.models import SendingPolicy
from common import clock, pg
from connectors import selectors as connectors
from connectors import services as connecting
from events import services as events
from identity.contracts import IdentifierKey

_SOURCE = "messages"
_TITLES = {
    "email": "Email", "sms": "SMS", "whatsapp": "WhatsApp", "webpush": "Web Push", "mobilepush": "Push Notification",
    "webhook": "Webhook", "inapp": "In-App Message",
}  # fmt: skip
_HAPPENED = {
    "sent": "{} Sent", "opened": "{} Opened", "clicked": "{} Link Clicked", "bounced": "{} Bounced",
    "delivered": "{} Delivered", "failed": "{} Failed", "unsubscribed": "Unsubscribed",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to a send. `once` tells apart what may happen often, such as clicks on several links."""

    what: str
    send_id: int
    key: str
    identifier: IdentifierKey
    channel: str
    properties: Mapping[str, Any]
    once: str = ""


def tell(told: Sequence[Told], *, now: datetime, source_id: int | None = None) -> None:
    """Write events into the inbox, in the caller's transaction; of this source, or of the one that is asked for."""
    if not told:
        return
    calls = [_call(one, now) for one in told]
    events.store(
        pg.raw(), source_id=source_id or source(now=now), document=orjson.dumps({"batch": calls}), events=len(calls),
        client_ip=None, received_at=now, compressor=zstandard.ZstdCompressor(level=1),
    )  # fmt: skip


def source(*, now: datetime) -> int:
    """The source that these events come from; made for the first of them."""
    known = SendingPolicy.objects.values_list("source_id", flat=True).first()
    if known is not None and any(one.id == known for one in connectors.sources()):
        return known
    found = next((one.id for one in connectors.sources() if one.slug == _SOURCE), None)
    found = found or connecting.create_source(name="Messages", kind="server", by="system", via="task", now=now).id
    SendingPolicy.objects.update(source_id=found)
    return found


def _call(one: Told, now: datetime) -> dict[str, Any]:
    digest = hashlib.sha256("\x1f".join((one.key, one.what, one.once)).encode()).hexdigest()[:32]
    call: dict[str, Any] = {
        "type": "track", "event": _HAPPENED[one.what].format(_TITLES.get(one.channel, one.channel)),
        "timestamp": clock.iso(now), "messageId": f"message-{digest}",
        "properties": {"send_id": one.send_id, "channel": one.channel, **one.properties},
    }  # fmt: skip
    kind, value = one.identifier
    if kind in ("user_id", "anonymous_id"):
        call["userId" if kind == "user_id" else "anonymousId"] = value
    else:
        call["context"] = {"externalIds": [{"id": value, "type": kind, "collection": "users", "encoding": "none"}]}
    return call
