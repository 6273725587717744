"""Messages of a topic as items. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from common import clock
from connectors.sources import wire
from connectors.sources.identity import usable
from events.contracts import Refusal


@dataclass(frozen=True, slots=True)
class Message:
    """One message: where it stood, when the broker got it (milliseconds, None when unknown), and its bytes.

    Topic (or partition of one) and place together are its name for ever.
    """

    topic: str
    place: str
    at_ms: int | None
    value: bytes


@dataclass(slots=True)
class Items:
    """What the messages hold: accepted items as JSON, and refused ones with the reason and their bytes."""

    accepted: list[bytes] = field(default_factory=list)
    refused: list[tuple[Refusal, str, bytes]] = field(default_factory=list)

    @property
    def document(self) -> bytes:
        return b'{"batch":[' + b",".join(self.accepted) + b"]}"


def read_messages(messages: Sequence[Message]) -> Items:
    """Each message is a call of the tracking API, or an object with a list `batch` of them.

    A call without an id gets that of its place in the topic, so that it counts once however often it is read; one
    without a time gets the broker's.
    """
    found = Items()
    for message in messages:
        if wire.is_complete(message.value, usable=usable):
            found.accepted.append(message.value)
            continue
        name = f"{message.topic}-{message.place}"
        try:
            told = orjson.loads(message.value)
        except orjson.JSONDecodeError as error:
            found.refused.append((Refusal("invalid_json", f"The message is not JSON: {error}."), name, message.value))
            continue
        batch = told.get("batch") if isinstance(told, dict) else None
        calls: list[Any] = batch if isinstance(batch, list) else [told]
        for place, call in enumerate(calls):
            _judge(found, call, f"{name}-{place}" if len(calls) > 1 else name, message)
    return found


def _judge(found: Items, call: Any, name: str, message: Message) -> None:
    if not isinstance(call, dict):
        refusal = Refusal("wrong_type", "A call must be an object.")
        found.refused.append((refusal, name, message.value))
        return
    call.setdefault("messageId", name)
    if message.at_ms is not None and not (call.get("timestamp") or call.get("originalTimestamp")):
        call["timestamp"] = clock.iso(datetime.fromtimestamp(message.at_ms / 1000, UTC))
    raw = orjson.dumps(call)
    verdict = wire.judge(raw, usable=usable)
    if isinstance(verdict, Refusal):
        found.refused.append((verdict, str(call["messageId"])[:200], raw))
    else:
        found.accepted.append(verdict[1])
