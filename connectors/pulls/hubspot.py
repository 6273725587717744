"""HubSpot: contacts and deals by the time of their last change.

Contract: https://developers.hubspot.com/docs/api-reference/search/guide (CRM search: pages of 200, five calls a second,
no result beyond the 10,000th, recent changes appear late) and the associations API v4.

Pages are not asked for by number: a record that is changed meanwhile moves to the end, and all that come after it move
one forward, so that one would be passed over. Each call begins after the last time instead, and many records of the
very same time are told apart by their ids; so no search has more than one page.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from common import clock
from connectors.destinations.calling import Api, bearer
from connectors.destinations.kit import GATEWAY, Account, Field, Outside
from connectors.pulls import crm
from connectors.pulls.origin import Chunk, Hint, Origin, Row, Start, number

_PAGE = 200
# Five searches a second are allowed.
_PAUSE = 0.21
_CURSOR = {"contacts": "lastmodifieddate", "deals": "hs_lastmodifieddate"}
_USUAL = {
    "contacts": (
        "email", "firstname", "lastname", "phone", "company", "jobtitle", "city", "zip", "country", "lifecyclestage",
    ),
    "deals": ("dealname", "amount", "dealstage", "pipeline", "closedate"),
}  # fmt: skip
_HINTS = {
    "contacts": Hint(rows="identify", places={
        "id": "identifiers.hubspot_id", "email": "identifiers.email", "phone": "identifiers.phone",
        "firstname": "traits.first_name", "lastname": "traits.last_name", "zip": "traits.postcode",
    }),
    "deals": Hint(rows="track", event="Deal Updated", places={
        "contact_id": "identifiers.hubspot_id", "id": "properties.deal_id",
    }),
}  # fmt: skip
_API = Api("HubSpot", "https://api.hubapi.com", lambda _, account: bearer(account.secrets["token"]), word=("category",))


class HubSpot(Origin):
    """Contacts, or deals with their first contact."""

    label = "HubSpot"
    settings = {
        "object": Field(
            label="Records", type="choice", default="contacts", choices=(("contacts", "Contacts"), ("deals", "Deals")),
        ),
        "properties": Field(
            label="Properties", type="text", default="", help="With commas between; left empty, the usual ones.",
        ),
        "look_back": crm.LOOK_BACK,
        **crm.GONE,
        "token": Field(
            label="Private app token", required=True, secret=True,
            help="With crm.objects.contacts.read, for deals also crm.objects.deals.read.",
        ),
        "base_url": GATEWAY,
    }  # fmt: skip
    which = ("object", "properties", "base_url")

    def name(self, settings: Mapping[str, Any]) -> str:
        return f"{_object(settings)} of HubSpot"

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        found = crm.usual_problems(settings)
        if settings.get("gone") == "event" and _object(settings) == "deals":
            found.append("gone: HubSpot does not tell whose a deleted deal was; choose “change nothing”.")
        return found

    def hint(self, settings: Mapping[str, Any]) -> Hint:
        return _HINTS[_object(settings)]

    def cursor_column(self, settings: Mapping[str, Any]) -> str:
        return _CURSOR[_object(settings)]

    def look_back(self, settings: Mapping[str, Any]) -> int:
        return number(settings, "look_back", 300)

    def test(self, outside: Outside, account: Account) -> str:
        found = _search(outside, account, [], by=_cursor(account), limit=1)
        return f"HubSpot answers: {int(found.get('total') or 0):,} {_object(account.settings)}."

    def deleted(self, outside: Outside, account: Account, since: datetime) -> Iterator[Chunk]:
        after = ""
        while True:
            time.sleep(_PAUSE)
            told = _archived(outside, account, after)
            fresh = [one for one in told.get("results") or [] if crm.moment(str(one["archivedAt"])) >= since]
            if fresh:
                yield _deleted(account, fresh)
            after = str(((told.get("paging") or {}).get("next") or {}).get("after") or "")
            if not after:
                return

    def newest(self, outside: Outside, account: Account) -> Any:
        found = _search(outside, account, [], by=_cursor(account), limit=1, descending=True)
        records = found.get("results") or []
        return _changed(account, records[0]) if records else None

    def read(self, outside: Outside, account: Account, start: Start) -> Iterator[Chunk]:
        since, operator = start.cursor, "GTE"
        if since is not None and start.key and not start.inclusive:
            yield from _of_one_time(outside, account, since, after=int(start.key[0]))
            operator = "GT"
        limit = min(start.most or _PAGE, _PAGE)
        while True:
            records = _since(outside, account, since, operator, limit=limit)
            is_end = len(records) < limit or start.most is not None
            last = _changed(account, records[-1]) if records else None
            # A page may end among records of one time: these are asked for again, together with the others of it.
            whole = [one for one in records if is_end or _changed(account, one) != last]
            if whole:
                yield _chunk(outside, account, whole)
                since = _changed(account, whole[-1])
            if is_end:
                return
            if not whole and last is not None:
                yield from _of_one_time(outside, account, last, after=0)
                since = last
            operator = "GT"


def _archived(outside: Outside, account: Account, after: str) -> dict[str, Any]:
    """A page of the records that were deleted and can still be brought back (for 90 days); they have no order."""
    query = {"archived": "true", "limit": "100", "properties": ",".join(_properties(account))}
    where = f"/crm/v3/objects/{_object(account.settings)}"
    told: dict[str, Any] = _API.ask(
        outside, account, "GET", where, query={**query, **({"after": after} if after else {})}
    ).data or {}  # fmt: skip
    return told


def _since(
    outside: Outside, account: Account, since: datetime | None, operator: str, *, limit: int
) -> list[dict[str, Any]]:
    """Records that were changed after a time, the first ones first; those of one time by their ids."""
    cursor = _cursor(account)
    filters = [{"propertyName": cursor, "operator": operator, "value": _millis(since)}] if since is not None else []
    records = _search(outside, account, filters, by=cursor, limit=limit).get("results") or []
    return sorted(records, key=lambda one: (_changed(account, one), int(one["id"])))


def _of_one_time(outside: Outside, account: Account, at: datetime, *, after: int) -> Iterator[Chunk]:
    """Records that were changed at one and the same time, beyond an id."""
    while True:
        filters = [
            {"propertyName": _cursor(account), "operator": "EQ", "value": _millis(at)},
            {"propertyName": "hs_object_id", "operator": "GT", "value": str(after)},
        ]
        records = _search(outside, account, filters, by="hs_object_id", limit=_PAGE).get("results") or []
        if records:
            yield _chunk(outside, account, records)
            after = int(records[-1]["id"])
        if len(records) < _PAGE:
            return


def _search(
    outside: Outside, account: Account, filters: Sequence[Mapping[str, str]], *, by: str, limit: int,
    descending: bool = False,
) -> dict[str, Any]:  # fmt: skip
    time.sleep(_PAUSE)
    body = {
        "filterGroups": [{"filters": list(filters)}] if filters else [],
        "sorts": [{"propertyName": by, "direction": "DESCENDING" if descending else "ASCENDING"}],
        "properties": [*_properties(account), _cursor(account)], "limit": limit,
    }  # fmt: skip
    where = f"/crm/v3/objects/{_object(account.settings)}/search"
    found: dict[str, Any] = _API.ask(outside, account, "POST", where, json=body).data or {}
    return found


def _deleted(account: Account, records: Sequence[Mapping[str, Any]]) -> Chunk:
    names, cursor = _properties(account), _cursor(account)
    header = ("id", *names, *([cursor] if cursor not in names else []))
    told = [{cursor: one["archivedAt"], **(one.get("properties") or {}), "id": str(one["id"])} for one in records]
    return Chunk(header, [
        Row([row.get(name) for name in header], crm.moment(str(one["archivedAt"])), (int(one["id"]),))
        for row, one in zip(told, records, strict=True)
    ])  # fmt: skip


def _chunk(outside: Outside, account: Account, records: Sequence[Mapping[str, Any]]) -> Chunk:
    names, cursor = _properties(account), _cursor(account)
    extra: dict[str, str] = {}
    header = ("id", *names, *([cursor] if cursor not in names else []))
    if _object(account.settings) == "deals":
        header, extra = (*header, "contact_id"), _contacts(outside, account, [str(one["id"]) for one in records])
    rows = []
    for one in records:
        told = {**(one.get("properties") or {}), "id": str(one["id"]), "contact_id": extra.get(str(one["id"]))}
        rows.append(Row([told.get(name) for name in header], _changed(account, one), (int(one["id"]),)))
    return Chunk(header, rows)


def _contacts(outside: Outside, account: Account, deals: Sequence[str]) -> dict[str, str]:
    """The first contact of each deal that has one (207 tells that others have none)."""
    body = {"inputs": [{"id": one} for one in deals]}
    reply = _API.ask(outside, account, "POST", "/crm/v4/associations/deals/contacts/batch/read", json=body)
    found = [one for one in reply.at_path("results") or () if one.get("to")]
    return {str(one["from"]["id"]): str(one["to"][0]["toObjectId"]) for one in found}


def _object(settings: Mapping[str, Any]) -> str:
    return str(settings.get("object") or "contacts")


def _cursor(account: Account) -> str:
    return _CURSOR[_object(account.settings)]


def _properties(account: Account) -> tuple[str, ...]:
    return crm.names_of(account.settings.get("properties"), _USUAL[_object(account.settings)])


def _changed(account: Account, record: Mapping[str, Any]) -> datetime:
    return crm.moment(str(record["properties"][_cursor(account)]))


def _millis(at: datetime) -> str:
    return str(clock.micros(at) // 1000)
