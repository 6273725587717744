"""HubSpot: contacts are made or changed by their address, then put on a manual list or taken off it.

Contract: https://developers.hubspot.com/docs/api-reference (contacts batch upsert of 100, which refuses the whole batch
for one bad address; list memberships add-and-remove, which names the records it does not know in `recordIdsMissing`).
"""

from collections.abc import Sequence

from connectors.destinations.calling import Api, Reply, bearer
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
    Skipped,
    Verdict,
    apart,
)
from connectors.destinations.mapping import path

_CONTACTS = "/crm/v3/objects/contacts/batch"


_API = Api("HubSpot", "https://api.hubapi.com", lambda _, account: bearer(account.secrets["token"]), word=("category",))


class ManualList(Action):
    """Members of the segment are on a manual list."""

    slug = "list"
    label = "Keep a list"
    description = "Contacts are made or changed by their address and put on a manual list; who leaves is taken off."
    identifier_kind = "email"
    fields = {
        "list_id": Field(label="List id", required=True, constant=True, key=True, help="Of a manual (static) list."),
        "email": Field(label="E-mail address", key=True, required=True, default=path("target.value")),
        "properties": Field(label="Contact properties", type="object", default={}, help="Such as firstname."),
    }
    batch_size = 100
    calls_per_second = 8.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        ids = _upsert(outside, account, entering) if entering else {}
        gone = _look_up(outside, account, leaving) if leaving else {}
        missing: set[str] = set()
        if ids or gone:
            missing = _move(outside, account, payloads[0].fields["list_id"], ids, gone)
        return [_verdict(row, ids if row.operation != "remove" else gone, missing) for row in payloads]


def _upsert(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, str]:
    inputs = [
        {
            "id": row.fields["email"], "idProperty": "email",
            "properties": {**(row.fields.get("properties") or {}), "email": row.fields["email"]},
        }
        for row in rows
    ]  # fmt: skip
    return _ids(_API.ask(outside, account, "POST", f"{_CONTACTS}/upsert", json={"inputs": inputs}))


def _look_up(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, str]:
    """The record ids of those HubSpot knows (207 tells that some are unknown)."""
    inputs = [{"id": row.fields["email"]} for row in rows]
    body = {"idProperty": "email", "properties": ["email"], "inputs": inputs}
    return _ids(_API.ask(outside, account, "POST", f"{_CONTACTS}/read", json=body))


def _ids(reply: Reply) -> dict[str, str]:
    return {
        str((one.get("properties") or {}).get("email", "")).lower(): str(one["id"])
        for one in reply.at_path("results") or ()
    }


def _move(outside: Outside, account: Account, list_id: str, ids: dict[str, str], gone: dict[str, str]) -> set[str]:
    body = {"recordIdsToAdd": sorted(ids.values()), "recordIdsToRemove": sorted(gone.values())}
    reply = _API.ask(outside, account, "PUT", f"/crm/v3/lists/{list_id}/memberships/add-and-remove", json=body)
    return {str(one) for one in reply.at_path("recordIdsMissing") or ()}


def _verdict(row: Payload, ids: dict[str, str], missing: set[str]) -> Verdict:
    record = ids.get(str(row.fields["email"]).lower())
    if row.operation == "remove":
        return Delivered() if record is not None and record not in missing else Skipped("HubSpot does not know them.")
    if record is None or record in missing:
        return InvalidPayload("HubSpot did not take this contact.")
    return Delivered()


def test(outside: Outside, account: Account) -> str:
    """Read one contact."""
    _API.ask(outside, account, "GET", "/crm/v3/objects/contacts?limit=1")
    return "HubSpot takes the token."


hubspot = Destination(
    slug="hubspot",
    label="HubSpot",
    description="Contacts on a manual list.",
    settings={
        "token": Field(
            label="Private app token",
            required=True,
            secret=True,
            help="With crm.objects.contacts.write and crm.lists.write.",
        ),
        "base_url": GATEWAY,
    },
    actions={ManualList.slug: ManualList()},
    test=test,
    api_version="v3",
    verified="2026-11",
)
