"""Braze: a custom attribute that says who is in the segment.

Contract: https://www.braze.com/docs/api/endpoints/user_data/post_user_track/ (75 objects a request; `errors` name the
row by its index; a request is refused as a whole only when nothing of it can be used). Cohort import is for partners of
Braze, so membership is an attribute, which campaigns there filter by.
"""

from collections.abc import Sequence
from typing import Any

from connectors.destinations.calling import Reply, call
from connectors.destinations.errors import DeliveryError, InvalidPayload
from connectors.destinations.kit import Account, Action, Delivered, Destination, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path


class SetAttribute(Action):
    """`true` for members, `false` for those who left."""

    slug = "attribute"
    label = "Mark people with an attribute"
    description = "A custom attribute is true for people of the segment and false for those who left it."
    identifier_kind = "user_id"
    fields = {
        "attribute": Field(label="Attribute", required=True, constant=True, key=True, help="Such as in_segment_vips."),
        "external_id": Field(label="External id", key=True, required=True, default=path("target.value")),
        "attributes": Field(label="Further attributes", type="object", default={}),
    }
    batch_size = 75
    calls_per_second = 50.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        reply = call(
            outside, "POST", f"{_host(account)}/users/track",
            json={"attributes": [_attributes(row) for row in payloads]},
            headers={**_key(account), "x-braze-bulk": "true"},
        )  # fmt: skip
        if not reply.ok:
            raise _problem(reply)
        wrong = {one.get("index"): str(one.get("type", "")) for one in reply.at_path("errors") or ()}
        return [
            InvalidPayload(f"Braze does not take this row: {wrong[index][:200]}") if index in wrong else Delivered()
            for index in range(len(payloads))
        ]


def _attributes(row: Payload) -> dict[str, Any]:
    fields = row.fields
    member = row.operation != "remove"
    return {
        **((fields.get("attributes") or {}) if member else {}),
        "external_id": fields["external_id"],
        str(fields["attribute"]): member,
    }


def _problem(reply: Reply) -> DeliveryError:
    return reply.problem("Braze")


def _host(account: Account) -> str:
    return str(account.settings["base_url"]).rstrip("/")


def _key(account: Account) -> dict[str, str]:
    return {"authorization": f"Bearer {account.secrets['api_key']}"}


def test(outside: Outside, account: Account) -> str:
    """Ask for an export of nobody: the cheapest call that checks the key."""
    reply = call(
        outside, "POST", f"{_host(account)}/users/track", json={"attributes": []}, headers=_key(account)
    )  # fmt: skip
    # An empty request is refused with 400 by a project that knows the key.
    if not reply.ok and reply.status != 400:
        raise _problem(reply)
    return "Braze takes the key."


braze = Destination(
    slug="braze",
    label="Braze",
    description="A custom attribute that marks the people of a segment.",
    settings={
        "base_url": Field(
            label="REST endpoint", type="url", required=True, help="Such as https://rest.iad-01.braze.com."
        ),
        "api_key": Field(label="REST API key", required=True, secret=True, help="It needs users.track."),
    },
    actions={SetAttribute.slug: SetAttribute()},
    test=test,
    api_version="users/track",
    verified="2026-11",
)
