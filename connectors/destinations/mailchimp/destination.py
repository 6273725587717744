"""Mailchimp: people are members of an audience and carry a tag, which is a static segment there.

Contract: https://mailchimp.com/developer/marketing/api/. `POST /3.0/lists/{list_id}` takes 500 members and names those
it did not take in `errors`; `POST /3.0/lists/{list_id}/segments/{id}` adds and removes 500 each and ignores strangers.
Nobody is ever subscribed again: who is new comes with `status_if_new`, who is there keeps their status. A bare 403
without a body is how Mailchimp throttles.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.destinations.calling import Api, Reply, basic
from connectors.destinations.errors import DeliveryError, InvalidPayload, RateLimited
from connectors.destinations.kit import (
    GATEWAY,
    Account,
    Delivered,
    Destination,
    Field,
    ListingAction,
    Outside,
    Payload,
    Skipped,
    Verdict,
    apart,
)
from connectors.destinations.mapping import path

_PAGE = 1_000


class StaticSegment(ListingAction):
    """Members of the segment are in a static segment (tag) of the audience."""

    slug = "segment"
    label = "Keep a tag"
    description = "People are members of the audience and carry a tag; who leaves loses the tag. Consent is untouched."
    identifier_kind = "email"
    fields = {
        "list_id": Field(label="Audience id", required=True, constant=True, key=True, help="Audience settings."),
        "segment_id": Field(label="Tag's segment id", required=True, constant=True, key=True, help="A number."),
        "email": Field(label="E-mail address", key=True, required=True, default=path("target.value")),
        "merge_fields": Field(label="Merge fields", type="object", default={}, help="Such as FNAME."),
        "status_if_new": Field(
            label="Status of who is new", default="transactional",
            help="transactional (gets no marketing), pending (is asked), or subscribed when you hold their consent.",
        ),
    }  # fmt: skip
    batch_size = 500
    calls_per_second = 5.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        verdicts = _upsert(outside, account, entering) if entering else {}
        taken = [row for row in entering if isinstance(verdicts[row.id], Delivered)]
        if taken or leaving:
            verdicts |= _tag(outside, account, taken, leaving)
        return [verdicts[row.id] for row in payloads]

    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        where, offset = _segment_path(outside.mapping), 0
        while True:
            query = {"count": _PAGE, "offset": offset, "fields": "members.email_address,total_items"}
            members = _API.ask(outside, account, "GET", f"{where}/members", query=query).at_path("members") or []
            yield from (str(one["email_address"]).lower() for one in members)
            offset += len(members)
            if len(members) < _PAGE:
                return

    def member(self, fields: Mapping[str, Any]) -> str:
        return str(fields["email"]).lower()


def _upsert(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, Verdict]:
    members = [
        {
            "email_address": row.fields["email"], "merge_fields": row.fields.get("merge_fields") or {},
            "status_if_new": row.fields.get("status_if_new") or "transactional",
        }
        for row in rows
    ]  # fmt: skip
    reply = _API.ask(
        outside, account, "POST", f"/3.0/lists/{rows[0].fields['list_id']}",
        json={"members": members, "update_existing": True},
    )  # fmt: skip
    wrong = {str(one.get("email_address", "")).lower(): one for one in reply.at_path("errors") or ()}
    return {row.id: _verdict(wrong.get(str(row.fields["email"]).lower())) for row in rows}


def _verdict(error: Any) -> Verdict:
    if error is None:
        return Delivered()
    return InvalidPayload(f"Mailchimp does not take this address ({error.get('error_code') or 'no code'}).")


def _tag(
    outside: Outside, account: Account, entering: Sequence[Payload], leaving: Sequence[Payload]
) -> dict[str, Verdict]:
    first = (*entering, *leaving)[0]
    reply = _API.ask(
        outside, account, "POST", _segment_path(first.fields),
        json={
            "members_to_add": [row.fields["email"] for row in entering],
            "members_to_remove": [row.fields["email"] for row in leaving],
        },
    )  # fmt: skip
    unknown = {str(one).lower() for error in reply.at_path("errors") or () for one in error.get("email_addresses", ())}
    return {
        row.id: Skipped("Not a member of the audience.") if _address(row) in unknown else Delivered()
        for row in (*entering, *leaving)
    }


def _address(row: Payload) -> str:
    return str(row.fields["email"]).lower()


def _segment_path(fields: Mapping[str, Any]) -> str:
    return f"/3.0/lists/{fields['list_id']}/segments/{fields['segment_id']}"


def _host(account: Account) -> str:
    # The data centre is the end of the key: 0123…-us21.
    return f"https://{account.secrets['api_key'].rpartition('-')[2]}.api.mailchimp.com"


def _refusal(reply: Reply, told: DeliveryError) -> DeliveryError:
    if reply.status == 403 and reply.data is None:
        return RateLimited("Mailchimp answered 403 without a body: it throttles.", code="http_403")
    return told


_API = Api(
    "Mailchimp", _host, lambda _, account: basic("any", account.secrets["api_key"]), word=("title",), refusal=_refusal,
    seconds=18.0,
)  # fmt: skip


def check(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
    """Whether the key names its data centre."""
    if settings.get("base_url") or "-" in secrets.get("api_key", ""):
        return []
    return ["api_key: The key ends with the data centre, such as -us21. Copy it whole."]


def test(outside: Outside, account: Account) -> str:
    """Ask whether everything is chimpy."""
    _API.ask(outside, account, "GET", "/3.0/ping")
    return "Mailchimp takes the key."


mailchimp = Destination(
    slug="mailchimp",
    label="Mailchimp",
    description="Members of an audience, with a tag for the segment.",
    settings={
        "api_key": Field(label="API key", required=True, secret=True, help="Account, Extras, API keys."),
        "base_url": GATEWAY,
    },
    actions={StaticSegment.slug: StaticSegment()},
    test=test,
    check=check,
    api_version="3.0",
    verified="2026-11",
)
