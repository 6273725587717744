"""Iterable: subscribe people to a static list and take them off it.

Contract: https://api.iterable.com/api/docs (lists). Both calls answer 200 with the addresses and user ids that they did
not take, so a row is judged by name. `channelUnsubscribe` is never sent: it would opt people out of everything.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.destinations.calling import Api, Reply
from connectors.destinations.errors import InvalidPayload, Misconfigured
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
)
from connectors.destinations.mapping import path

_HOSTS = {"us": "https://api.iterable.com", "eu": "https://api.eu.iterable.com"}
# What an answer lists as not taken; those that are not known are no loss to a removal.
_INVALID = (
    "invalidEmails",
    "invalidUserIds",
    "conflictEmails",
    "conflictUserIds",
    "forgottenEmails",
    "forgottenUserIds",
)
_UNKNOWN = ("notFoundEmails", "notFoundUserIds")


_API = Api(
    "Iterable",
    lambda account: _HOSTS[account.settings.get("region", "us")],
    lambda _, account: {"api-key": account.secrets["api_key"]},
    word=("code",),
)


class SubscribeToList(ListingAction):
    """Members of the segment are members of the list."""

    slug = "list"
    label = "Keep a list"
    description = "People of the segment are on a static list; those who leave it are taken off. Consent is untouched."
    identifier_kind = "email"
    fields = {
        "list_id": Field(
            label="List id", required=True, constant=True, key=True, help="A number, from the list's page."
        ),
        "email": Field(label="E-mail address", key=True, default=path("target.value")),
        "user_id": Field(label="User id", key=True, help="For projects that tell people by user id."),
        "data": Field(label="Profile fields", type="object", default={}),
    }
    batch_size = 1_000
    # Iterable's own limit for list calls of a project is 5 a second.
    calls_per_second = 5.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        verdicts: dict[str, Verdict] = {}
        for leaving in (False, True):
            rows = [row for row in payloads if (row.operation == "remove") is leaving]
            if rows:
                verdicts |= _send(outside, account, rows, leaving=leaving)
        return [verdicts[row.id] for row in payloads]

    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        query = {"listId": outside.mapping["list_id"]}
        reply = _API.ask(outside, account, "GET", "/api/lists/getUsers", query=query, text=True)
        return iter([line.strip().lower() for line in reply.data.splitlines() if line.strip()])

    def member(self, fields: Mapping[str, Any]) -> str:
        return str(fields.get("email") or fields.get("user_id") or "").lower()


def _send(outside: Outside, account: Account, rows: Sequence[Payload], *, leaving: bool) -> dict[str, Verdict]:
    list_id = str(rows[0].fields.get("list_id", ""))
    if not list_id.isdigit():
        raise Misconfigured("The list id must be a number.", code="bad_list")
    end = "unsubscribe" if leaving else "subscribe"
    body = {"listId": int(list_id), "subscribers": [_subscriber(row, leaving=leaving) for row in rows]}
    reply = _API.ask(outside, account, "POST", f"/api/lists/{end}", json=body)
    return {row.id: _verdict(row, _not_taken(reply, _INVALID), _not_taken(reply, _UNKNOWN), leaving) for row in rows}


def _subscriber(row: Payload, *, leaving: bool) -> dict[str, Any]:
    wanted = {"email": row.fields.get("email"), "userId": row.fields.get("user_id")}
    found = {name: value for name, value in wanted.items() if value}
    return found if leaving or not row.fields.get("data") else {**found, "dataFields": row.fields["data"]}


def _not_taken(reply: Reply, names: Sequence[str]) -> set[str]:
    listed = [
        value
        for part in (reply.data, reply.at_path("failedUpdates") or {})
        for name in names
        for value in (part or {}).get(name) or ()
    ]
    return {str(value).lower() for value in listed}


def _verdict(row: Payload, invalid: set[str], unknown: set[str], leaving: bool) -> Verdict:
    names = {str(row.fields[name]).lower() for name in ("email", "user_id") if row.fields.get(name)}
    if names & unknown:
        return (
            Skipped("Iterable does not know this person.") if leaving else InvalidPayload("Iterable does not know it.")
        )
    return InvalidPayload("Iterable does not take this address or user id.") if names & invalid else Delivered()


def test(outside: Outside, account: Account) -> str:
    """Read the names of the lists."""
    reply = _API.ask(outside, account, "GET", "/api/lists")
    return f"Iterable takes the key; the project has {len(reply.at_path('lists') or ())} lists."


iterable = Destination(
    slug="iterable",
    label="Iterable",
    description="Static lists.",
    settings={
        "region": Field(label="Data centre", type="choice", default="us", choices=(("us", "US"), ("eu", "Europe"))),
        "api_key": Field(label="Server-side API key", required=True, secret=True),
        "base_url": GATEWAY,
    },
    actions={SubscribeToList.slug: SubscribeToList()},
    test=test,
    api_version="2026-03",
    verified="2026-11",
)
