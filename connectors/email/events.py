"""Tracking events of providers as items, with the names of Segment's e-mail spec. Pure.

https://segment.com/docs/connections/spec/email/
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from common import clock

_NAMES = {
    "delivered": "Email Delivered", "opened": "Email Opened", "clicked": "Email Link Clicked",
    "bounced": "Email Bounced", "deferred": "Email Deferred", "rejected": "Email Rejected", "failed": "Email Failed",
    "complained": "Email Marked as Spam", "unsubscribed": "Unsubscribed", "subscribed": "Subscribed",
}  # fmt: skip
# What an address is worth afterwards: a trait that rules and senders can ask.
_STATUS = {"bounced": "bounced", "complained": "complained", "unsubscribed": "unsubscribed", "subscribed": "subscribed"}
# Where a provider's own word says more: Brevo's soft bounces may pass, and so the address is not given up.
_FINER = {"soft_bounce": "deferred", "unsubscribed": "unsubscribed"}
_PROXIES = ("proxy_open", "unique_proxy_open")
_LONGEST = 1_000


def items(provider: str, event: Any) -> list[bytes]:
    """The event, and the state of the address when it has changed; nothing for what is no event of a recipient."""
    raw = _raw(event.esp_event)
    kind = _FINER.get(str(raw.get("event")), event.event_type)
    name = _NAMES.get(kind)
    if name is None or not event.recipient:
        return []
    place = event.event_id or hashlib.blake2b(
        orjson.dumps([event.event_type, event.recipient, event.message_id, str(event.timestamp), event.click_url, raw],
                     default=str), digest_size=16,
    ).hexdigest()  # fmt: skip
    message_id = f"{provider}-{place}"[:200]
    call: dict[str, Any] = {
        "type": "track", "event": name, "messageId": message_id,
        "properties": _properties(provider, event, raw), "context": {"traits": {"email": event.recipient}},
    }  # fmt: skip
    if event.timestamp is not None:
        call["timestamp"] = clock.iso(event.timestamp)
    found = [call]
    status = _STATUS.get(kind)
    if status:
        state = {"type": "identify", "messageId": f"{message_id}-status", "timestamp": call.get("timestamp"),
                 "traits": {"email": event.recipient, "email_status": status}}  # fmt: skip
        found.append({key: value for key, value in state.items() if value is not None})
    return [orjson.dumps(one) for one in found]


def messages_of(events: Iterable[Any]) -> dict[str, str]:
    """Of which messages is told: by the mark `send` of their metadata, else by their id, the provider's own id."""
    told = {}
    for event in events:
        provider_id = str(event.message_id or "")
        if mark := str((event.metadata or {}).get("send") or provider_id):
            told[mark] = provider_id
    return told


def _properties(provider: str, event: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    told = {
        "provider": provider, "email_id": event.message_id, "link_url": event.click_url,
        "reason": event.reject_reason, "description": event.description, "response": event.mta_response,
        "user_agent": event.user_agent, "tags": list(event.tags or ()), "metadata": dict(event.metadata or {}),
    }  # fmt: skip
    if event.event_type == "opened":
        told["machine"] = by_machine(event.user_agent, raw)
    return {key: value[:_LONGEST] if isinstance(value, str) else value for key, value in told.items() if value not in (
        None, "", [], {},
    )}  # fmt: skip


def by_machine(user_agent: str | None, raw: Mapping[str, Any]) -> bool:
    """Whether a privacy proxy opened it rather than a person: as the provider says, or by the bare agent of Apple's."""
    if raw.get("sg_machine_open") in (True, "true", 1) or raw.get("event") in _PROXIES:
        return True
    data = raw.get("event-data")
    client = data.get("client-info") if isinstance(data, Mapping) else None
    if isinstance(client, Mapping) and client.get("bot"):
        return True
    return (user_agent or "").strip() == "Mozilla/5.0"


def _raw(event: Any) -> Mapping[str, Any]:
    return event if isinstance(event, Mapping) else {}
