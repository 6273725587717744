"""Klaviyo: profiles are made or found, then related to a list or no longer.

Contract: https://developers.klaviyo.com/en/reference/api_overview, revision 2025-01-15 (profile upsert by
`/api/profile-import`, found by `filter=any(email,[…])`, list relationships of 1,000 profile ids). Being on a list is no
consent: nobody is subscribed and no suppression is lifted.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from connectors.destinations.calling import Api
from connectors.destinations.errors import InvalidPayload
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

_REVISION = "2025-01-15"


_API = Api(
    "Klaviyo",
    "https://a.klaviyo.com",
    lambda _, account: {"authorization": f"Klaviyo-API-Key {account.secrets['api_key']}", "revision": _REVISION},
    word=("errors", 0, "code"),
)


class KeepList(ListingAction):
    """Members of the segment are on a list."""

    slug = "list"
    label = "Keep a list"
    description = "Profiles are made or changed by their address and put on a list; who leaves is taken off."
    identifier_kind = "email"
    fields = {
        "list_id": Field(label="List id", required=True, constant=True, key=True, help="From the list's settings."),
        "email": Field(label="E-mail address", key=True, required=True, default=path("target.value")),
        "attributes": Field(label="Profile attributes", type="object", default={}, help="Such as first_name."),
    }
    # A profile is a call of its own, and the plan's limit may be ten a second.
    batch_size = 40
    calls_per_second = 10.0
    one_call_per_row = True

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        verdicts: dict[str, Verdict] = {}
        ids: dict[str, str] = {}
        for row in entering:
            try:
                ids[row.id] = _import(outside, account, row)
                verdicts[row.id] = Delivered()
            except InvalidPayload as refused:
                verdicts[row.id] = refused
        found = _find(outside, account, [str(row.fields["email"]).lower() for row in leaving]) if leaving else {}
        list_id = str(payloads[0].fields["list_id"])
        _relate(outside, account, "POST", list_id, list(ids.values()))
        _relate(outside, account, "DELETE", list_id, list(found.values()))
        for row in leaving:
            known = str(row.fields["email"]).lower() in found
            verdicts[row.id] = Delivered() if known else Skipped("Klaviyo does not know them.")
        return [verdicts[row.id] for row in payloads]

    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        query: Any = {"fields[profile]": "email", "page[size]": 100}
        while query:
            reply = _API.ask(outside, account, "GET", f"/api/lists/{outside.mapping['list_id']}/profiles", query=query)
            for one in reply.at_path("data") or ():
                yield str(one["attributes"]["email"]).lower()
            following = reply.at_path("links", "next")
            query = parse_qs(urlsplit(str(following)).query) if following else None

    def member(self, fields: Mapping[str, Any]) -> str:
        return str(fields["email"]).lower()


def _import(outside: Outside, account: Account, row: Payload) -> str:
    attributes = {**(row.fields.get("attributes") or {}), "email": row.fields["email"]}
    reply = _API.ask(
        outside, account, "POST", "/api/profile-import", json={"data": {"type": "profile", "attributes": attributes}}
    )
    return str(reply.at_path("data", "id"))


def _find(outside: Outside, account: Account, addresses: Sequence[str]) -> dict[str, str]:
    wanted = f"any(email,{orjson.dumps(list(addresses)).decode()})"
    reply = _API.ask(
        outside, account, "GET", "/api/profiles",
        query={"filter": wanted, "fields[profile]": "email", "page[size]": 100},
    )  # fmt: skip
    return {str(one["attributes"]["email"]).lower(): str(one["id"]) for one in reply.at_path("data") or ()}


def _relate(outside: Outside, account: Account, method: str, list_id: str, ids: Sequence[str]) -> None:
    if ids:
        data = [{"type": "profile", "id": one} for one in ids]
        _API.ask(outside, account, method, f"/api/lists/{list_id}/relationships/profiles", json={"data": data})


def test(outside: Outside, account: Account) -> str:
    """Read the account."""
    _API.ask(outside, account, "GET", "/api/accounts")
    return "Klaviyo takes the key."


klaviyo = Destination(
    slug="klaviyo",
    label="Klaviyo",
    description="Profiles on a list.",
    settings={
        "api_key": Field(label="Private API key", required=True, secret=True, help="Begins with pk_."),
        "base_url": GATEWAY,
    },
    actions={KeepList.slug: KeepList()},
    test=test,
    api_version=_REVISION,
    verified="2026-11",
)
