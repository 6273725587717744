"""The tracking HTTP API that Segment and RudderStack share: memberships as traits, or as events.

Contract: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/ and
https://www.rudderstack.com/docs/api/http-api/ (`POST /v1/batch`, the write key as Basic user; 500 kB a batch, 32 kB a
message; messages are told apart by `messageId`, so a repeat is dropped there). It tells nobody who has which trait.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from common import clock
from connectors.destinations.calling import Api, basic
from connectors.destinations.errors import InvalidPayload
from connectors.destinations.kit import Account, Action, Delivered, Destination, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path

_WHO = {
    "user_id": Field(label="User id", key=True, default=path("profile.identifiers.user_id.0")),
    "anonymous_id": Field(
        label="Anonymous id", key=True, default=path("profile.identifiers.anonymous_id.0"), help="Without a user id."
    ),
}  # fmt: skip


class Tracking(Action):
    """One message for each member who enters, changes or leaves."""

    batch_size = 100
    calls_per_second = 20.0

    @abstractmethod
    def message(self, payload: Payload) -> dict[str, Any]:
        """Type and content of what is sent for this change."""

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        known = [row for row in payloads if row.fields.get("user_id") or row.fields.get("anonymous_id")]
        if known:
            batch = [{**_envelope(row), **self.message(row)} for row in known]
            _API.ask(outside, account, "POST", "/v1/batch", json={"batch": batch, "sentAt": clock.iso(outside.now)})
        sent = {row.id for row in known}
        return [
            Delivered() if row.id in sent else InvalidPayload("Neither a user id nor an anonymous id.")
            for row in payloads
        ]


class SetTrait(Tracking):
    """A trait that is true for members and false for those who left."""

    slug = "identify"
    label = "Set a trait"
    description = "An identify call: the trait is true for members and false for those who left."
    fields = {
        "trait": Field(label="Name of the trait", required=True, constant=True, key=True),
        **_WHO,
        "traits": Field(label="Other traits", type="object", default={}),
    }

    def message(self, payload: Payload) -> dict[str, Any]:
        inside = payload.operation != "remove"
        return {"type": "identify", "traits": {**(payload.fields.get("traits") or {}), payload.fields["trait"]: inside}}


class TrackEvent(Tracking):
    """An event when somebody enters and one when they leave."""

    slug = "track"
    label = "Send an event"
    description = "A track call when somebody enters, and one when they leave."
    fields = {
        "entered": Field(label="Event of entering", required=True, constant=True, key=True, default="Segment Entered"),
        "exited": Field(label="Event of leaving", required=True, constant=True, key=True, default="Segment Exited"),
        "segment": Field(label="Segment", key=True, default=path("segment.slug")),
        **_WHO,
    }

    def message(self, payload: Payload) -> dict[str, Any]:
        name = "exited" if payload.operation == "remove" else "entered"
        properties = {"segment": payload.fields.get("segment")}
        return {"type": "track", "event": payload.fields[name], "properties": properties}


def _envelope(row: Payload) -> dict[str, Any]:
    who = {"userId": row.fields.get("user_id"), "anonymousId": row.fields.get("anonymous_id")}
    return {
        "messageId": row.id,
        "timestamp": clock.iso(row.at),
        "context": {"library": {"name": "cdp", "version": "1"}},
        **{name: str(value) for name, value in who.items() if value},
    }


_API = Api(
    "The tracking API",
    lambda account: str(account.settings["url"]),
    lambda _, account: basic(account.secrets["write_key"], ""),
)


def test(outside: Outside, account: Account) -> str:
    """Send one event of nobody that says that it is a test."""
    probe = {
        "type": "track", "event": "CDP Connection Tested", "anonymousId": "cdp-connection-test",
        "messageId": f"test_{outside.now.timestamp():.0f}", "timestamp": clock.iso(outside.now),
    }  # fmt: skip
    _API.ask(outside, account, "POST", "/v1/batch", json={"batch": [probe]})
    return "It took a test event. (Segment answers success to every write key; look for the event there.)"


tracking = Destination(
    slug="tracking",
    label="Segment or RudderStack",
    description="Memberships as traits or events, to any tool that takes the Segment HTTP API.",
    settings={
        "url": Field(
            label="Address", type="url", required=True, default="https://api.segment.io",
            help="https://api.segment.io, https://events.eu1.segmentapis.com, or your RudderStack data plane.",
        ),
        "write_key": Field(label="Write key", required=True, secret=True),
    },
    actions={SetTrait.slug: SetTrait(), TrackEvent.slug: TrackEvent()},
    test=test,
    api_version="v1",
    verified="2026-11",
)  # fmt: skip
