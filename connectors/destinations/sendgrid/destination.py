"""SendGrid: contacts are put on a marketing list and taken off it.

Contract: https://www.twilio.com/docs/sendgrid/api-reference/contacts (PUT /v3/marketing/contacts answers 202 with a job
id and works through it later; search by e-mail addresses gives contact ids; a list lets contacts go by id). Contacts
appear a few minutes after they were taken, so somebody who leaves at once may be found only at the next comparison.
"""

from collections.abc import Sequence

from connectors.destinations.calling import Api, bearer
from connectors.destinations.kit import (
    GATEWAY,
    Account,
    Action,
    Delivered,
    Destination,
    Field,
    Outside,
    Payload,
    Skipped,
    Verdict,
    apart,
)
from connectors.destinations.mapping import path

_API = Api("SendGrid", "https://api.sendgrid.com", lambda _, account: bearer(account.secrets["api_key"]))


class MarketingList(Action):
    """Members of the segment are on the list."""

    slug = "list"
    label = "Keep a marketing list"
    description = "People of the segment are contacts on the list; those who leave it are taken off, and stay contacts."
    identifier_kind = "email"
    fields = {
        "list_id": Field(label="List id", required=True, constant=True, key=True, help="From the list's address."),
        "email": Field(label="E-mail address", key=True, required=True, default=path("target.value")),
        "data": Field(label="Contact fields", type="object", default={}, help="Such as first_name."),
    }
    batch_size = 100
    calls_per_second = 3.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        verdicts: dict[str, Verdict] = {row.id: Delivered() for row in entering}
        if entering:
            _put(outside, account, entering)
        if leaving:
            verdicts |= _take_off(outside, account, leaving)
        return [verdicts[row.id] for row in payloads]


def _put(outside: Outside, account: Account, rows: Sequence[Payload]) -> None:
    contacts = [{**(row.fields.get("data") or {}), "email": row.fields["email"]} for row in rows]
    body = {"list_ids": [rows[0].fields["list_id"]], "contacts": contacts}
    _API.ask(outside, account, "PUT", "/v3/marketing/contacts", json=body)


def _take_off(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, Verdict]:
    addresses = [str(row.fields["email"]).lower() for row in rows]
    where = "/v3/marketing/contacts/search/emails"
    # 404 is the answer when none of them is known.
    found = _API.ask(outside, account, "POST", where, json={"emails": addresses}, also=(404,)).at_path("result")
    ids = {address: one["contact"]["id"] for address, one in (found or {}).items() if one.get("contact")}
    if ids:
        where = f"/v3/marketing/lists/{rows[0].fields['list_id']}/contacts"
        _API.ask(outside, account, "DELETE", where, query={"contact_ids": ",".join(sorted(ids.values()))})
    return {
        row.id: Delivered() if address in ids else Skipped("SendGrid does not know this address.")
        for row, address in zip(rows, addresses, strict=True)
    }


def test(outside: Outside, account: Account) -> str:
    """Count the lists."""
    reply = _API.ask(outside, account, "GET", "/v3/marketing/lists", query={"page_size": 1})
    return f"SendGrid takes the key; the account has {reply.at_path('_metadata', 'count') or 0} lists."


sendgrid = Destination(
    slug="sendgrid",
    label="SendGrid",
    description="Contacts on a marketing list.",
    settings={
        "api_key": Field(label="API key", required=True, secret=True, help="With full access to Marketing."),
        "base_url": GATEWAY,
    },
    actions={MarketingList.slug: MarketingList()},
    test=test,
    api_version="v3",
    verified="2026-11",
)
