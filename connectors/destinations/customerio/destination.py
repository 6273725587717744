"""Customer.io: people are identified, and put into a manual segment or taken out of it.

Contract: https://docs.customer.io/integrations/api/track/ (batch of 100 entities and 500 kB; 207 names each entity that
was not taken by `batch_index`) and `/api/v1/segments/{id}/add_customers` and `remove_customers` (1,000 ids a call).
"""

from collections.abc import Sequence
from typing import Any

from connectors.destinations.calling import Api, basic
from connectors.destinations.errors import InvalidPayload
from connectors.destinations.kit import (
    GATEWAY,
    Account,
    Action,
    Delivered,
    Destination,
    Field,
    Outside,
    Payload,
    Verdict,
    apart,
)
from connectors.destinations.mapping import path

_HOSTS = {"us": "https://track.customer.io", "eu": "https://track-eu.customer.io"}


_API = Api(
    "Customer.io",
    lambda account: _HOSTS[account.settings.get("region", "us")],
    lambda _, account: basic(account.secrets["site_id"], account.secrets["api_key"]),
)


class ManualSegment(Action):
    """Members of the segment are in a manual segment of Customer.io."""

    slug = "segment"
    label = "Keep a manual segment"
    description = "People are identified with their attributes and put into a manual segment; who leaves is taken out."
    identifier_kind = "user_id"
    fields = {
        "segment_id": Field(label="Segment id", required=True, constant=True, key=True, help="Of a manual segment."),
        "id": Field(label="Person's id", key=True, required=True, default=path("target.value")),
        "attributes": Field(label="Attributes", type="object", default={}),
    }
    batch_size = 100
    calls_per_second = 30.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        verdicts: dict[str, Verdict] = {}
        if entering:
            verdicts |= _identify(outside, account, entering)
            taken = [row for row in entering if isinstance(verdicts[row.id], Delivered)]
            _move(outside, account, taken, "add_customers")
        if leaving:
            _move(outside, account, leaving, "remove_customers")
            verdicts |= {row.id: Delivered() for row in leaving}
        return [verdicts[row.id] for row in payloads]


def _identify(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, Verdict]:
    reply = _API.ask(outside, account, "POST", "/api/v2/batch", json={"batch": [_person(row) for row in rows]})
    wrong = {one.get("batch_index"): one for one in reply.at_path("errors") or ()}
    return {row.id: _verdict(wrong.get(index)) for index, row in enumerate(rows)}


def _person(row: Payload) -> dict[str, Any]:
    return {
        "type": "person", "action": "identify", "identifiers": {"id": row.fields["id"]},
        "attributes": row.fields.get("attributes") or {},
    }  # fmt: skip


def _verdict(error: Any) -> Verdict:
    if error is None:
        return Delivered()
    # `message` may quote the value; reason and field are words of Customer.io's own.
    return InvalidPayload(f"Customer.io: {error.get('reason', 'invalid')} {error.get('field', '')}".rstrip())


def _move(outside: Outside, account: Account, rows: Sequence[Payload], verb: str) -> None:
    if not rows:
        return
    where = f"/api/v1/segments/{rows[0].fields['segment_id']}/{verb}"
    _API.ask(outside, account, "POST", where, query={"id_type": "id"}, json={"ids": [row.fields["id"] for row in rows]})


def test(outside: Outside, account: Account) -> str:
    """Ask for the account's region, which needs the key."""
    _API.ask(outside, account, "GET", "/api/v1/accounts/region")
    return "Customer.io takes the key."


customerio = Destination(
    slug="customerio",
    label="Customer.io",
    description="People and a manual segment.",
    settings={
        "region": Field(label="Data centre", type="choice", default="us", choices=(("us", "US"), ("eu", "Europe"))),
        "site_id": Field(label="Site id", required=True, secret=True),
        "api_key": Field(label="Tracking API key", required=True, secret=True),
        "base_url": GATEWAY,
    },
    actions={ManualSegment.slug: ManualSegment()},
    test=test,
    api_version="v2",
    verified="2026-11",
)
