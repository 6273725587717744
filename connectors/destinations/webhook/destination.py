"""The webhook destination: one signed POST for each change of membership."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from common import clock
from common.http import AddressRefused, Answer, HttpProblem, Unreachable, checked_url
from connectors.destinations.calling import retry_after
from connectors.destinations.errors import DeliveryError, Misconfigured, Temporary, error_for_status
from connectors.destinations.kit import Account, Action, Delivered, Destination, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path
from connectors.destinations.webhook import signing

EVENT_TYPES = {"add": "segment.member_added", "update": "profile.updated", "remove": "segment.member_removed"}
_AT_ONCE = 8


class SendEvent(Action):
    """POST one event for each payload. Repeats carry the same `webhook-id`; the receiver drops those it has seen."""

    slug = "send_event"
    label = "Send an event"
    description = "A signed POST when a person enters or leaves the segment, or when what was sent of them changes."
    fields = {
        "profile_id": Field(label="Profile id", key=True, required=True, default=path("profile.id")),
        "segment": Field(label="Segment", key=True, default=path("segment.slug")),
        "identifier": Field(
            label="Identifier",
            type="object",
            key=True,
            default={"kind": path("target.kind"), "value": path("target.value")},
        ),
        "traits": Field(
            label="Traits",
            type="object",
            default={},
            help="Keep it thin: the receiver can read the rest from the API by the profile id.",
        ),
    }
    # Eight at a time and 15 seconds at most each: a batch ends well within the lease of its rows.
    batch_size = 16
    calls_per_second = 50.0
    one_call_per_row = True

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        send = partial(_send, outside, account)
        if len(payloads) == 1:
            return [send(payloads[0])]
        # A claimed batch never holds two payloads of one person, so sending side by side breaks no order.
        with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(payloads))) as pool:
            return list(pool.map(send, payloads))


def event_body(payload: Payload) -> bytes:
    """The exact bytes that are signed and sent; the same for every try of one payload."""
    event = {"type": EVENT_TYPES[payload.operation], "timestamp": clock.iso(payload.at), "data": payload.fields}
    return orjson.dumps(event)


def _send(outside: Outside, account: Account, payload: Payload) -> Verdict:
    try:
        return reading(post(outside, account, message_id=payload.id, body=event_body(payload)), now=outside.now)
    except DeliveryError as error:
        return error


def post(outside: Outside, account: Account, *, message_id: str, body: bytes) -> Answer:
    """Sign and send. The timestamp is that of this try, the id that of the message."""
    try:
        signed = signing.headers(
            active_secrets(account.secrets, now=outside.now),
            message_id=message_id,
            timestamp=int(outside.now.timestamp()),
            body=body,
        )
    except ValueError as error:
        raise Misconfigured(str(error), code="bad_secret") from error
    try:
        return outside.http.post(
            account.settings["url"],
            content=body,
            headers={"content-type": "application/json", "user-agent": "cdp-webhooks/1", **signed},
        )
    except AddressRefused as error:
        raise Misconfigured(str(error), code=error.code) from error
    except Unreachable as error:
        raise Temporary(str(error), code=error.code) from error


def active_secrets(secrets: Mapping[str, str], *, now: datetime) -> list[str]:
    """The present secret, and the one before it for as long as the rotation overlaps."""
    found = [secrets["secret"]]
    if secrets.get("previous_secret") and datetime.fromisoformat(secrets["previous_until"]) > now:
        found.append(secrets["previous_secret"])
    return found


def reading(answer: Answer, *, now: datetime) -> Verdict:
    """What an answer means: only 2xx is success; 410 asks to be sent nothing more."""
    if 200 <= answer.status < 300:
        return Delivered(code=f"http_{answer.status}")
    message = f"The endpoint answered {answer.status}."
    if answer.status == 410:
        return Misconfigured(f"{message} It is gone and wants no more messages.", code="http_410")
    return error_for_status(answer.status, message, retry_after=retry_after(answer.headers, now=now))


def test(outside: Outside, account: Account) -> str:
    """Send a `webhook.test` event that says that it is one."""
    event = {"type": "webhook.test", "timestamp": clock.iso(outside.now), "data": {"destination_id": str(account.id)}}
    message_id = f"msg_test_{int(outside.now.timestamp() * 1000)}"
    verdict = reading(post(outside, account, message_id=message_id, body=orjson.dumps(event)), now=outside.now)
    if isinstance(verdict, DeliveryError):
        raise verdict
    return "The endpoint took a signed test event."


def check(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """Whether the address and the secret can be used at all."""
    found = []
    try:
        checked_url(str(settings.get("url", "")))
    except HttpProblem as error:
        found.append(f"url: {error}")
    try:
        signing.key_of(secrets.get("secret", ""))
    except ValueError as error:
        found.append(f"secret: {error}")
    return found


webhook = Destination(
    slug="webhook",
    label="Webhook",
    description="Signed HTTP messages (Standard Webhooks) to an address of yours.",
    settings={
        "url": Field(
            label="Address", type="url", required=True, help="https://…, without a user name or password in it."
        ),
        "secret": Field(label="Signing secret", secret=True, help="whsec_ and base64. Left empty, one is made."),
    },
    actions={SendEvent.slug: SendEvent()},
    test=test,
    make_secrets=lambda: {"secret": signing.new_secret()},
    check=check,
)
