"""Braze: a custom attribute that says who is in the segment.

Contract: https://www.braze.com/docs/api/endpoints/user_data/post_user_track/ (75 objects a request; `errors` name the
row by its index; a request is refused as a whole only when nothing of it can be used). Cohort import is for partners of
Braze, so membership is an attribute, which campaigns there filter by. Not confirmed with an account: that an empty
request is refused with 400.
"""

from collections.abc import Sequence
from typing import Any

from connectors.destinations.calling import Api, bearer
from connectors.destinations.errors import InvalidPayload
from connectors.destinations.kit import Account, Action, Delivered, Destination, Field, Outside, Payload, Verdict
from connectors.destinations.mapping import path

# Every account has a host of its own, which is a setting.
_API = Api("Braze", "", lambda _, account: bearer(account.secrets["api_key"]))


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
        body = {"attributes": [_attributes(row) for row in payloads]}
        reply = _API.ask(outside, account, "POST", "/users/track", json=body)
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


def test(outside: Outside, account: Account) -> str:
    """Send nothing: an empty request is refused with 400 where the key is good, and with 401 where it is not."""
    _API.ask(outside, account, "POST", "/users/track", json={"attributes": []}, also=(400,))
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
