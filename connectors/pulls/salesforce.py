"""Salesforce: contacts, leads and opportunities by the time of their last change.

Contract: the REST API's Query resource
(https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_query.htm): results in parts, the next by
`nextRecordsUrl`; a locator that is gone is followed by a new query after the last record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from common import clock
from connectors.destinations import oauth
from connectors.destinations.calling import Api, Reply, bearer
from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured, RateLimited, Temporary
from connectors.destinations.kit import Account, Field, Outside
from connectors.pulls import crm
from connectors.pulls.origin import CHUNK, Chunk, Hint, Origin, Row, Start, number

_VERSION = "v63.0"
_CURSOR = "SystemModstamp"
_ID = re.compile(r"[A-Za-z0-9]{15,18}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,5}")
_USUAL = {
    "Contact": (
        "Email", "FirstName", "LastName", "Phone", "Title", "MailingCity", "MailingPostalCode", "MailingCountry",
    ),
    "Lead": (
        "Email", "FirstName", "LastName", "Phone", "Company", "Title", "Status", "LeadSource", "ConvertedContactId",
    ),
    "Opportunity": ("Name", "StageName", "Amount", "CloseDate", "IsWon", "IsClosed", "ContactId"),
}  # fmt: skip
_PERSON = {
    "Email": "identifiers.email", "Phone": "identifiers.phone", "FirstName": "traits.first_name",
    "LastName": "traits.last_name", "MailingPostalCode": "traits.postcode", "MailingCity": "traits.city",
}  # fmt: skip
_HINTS = {
    "Contact": Hint(rows="identify", places={**_PERSON, "Id": "identifiers.salesforce_id"}),
    "Lead": Hint(rows="identify", places={
        **_PERSON, "Id": "identifiers.salesforce_lead_id", "ConvertedContactId": "identifiers.salesforce_id",
    }),
    "Opportunity": Hint(rows="track", event="Opportunity Updated", places={
        "ContactId": "identifiers.salesforce_id", "Id": "properties.opportunity_id",
    }),
}  # fmt: skip
_WRONG = ("INVALID_FIELD", "INVALID_TYPE", "MALFORMED_QUERY", "NOT_FOUND", "API_DISABLED_FOR_ORG")


class _LocatorGone(Temporary):
    """The rest of a result cannot be had any more."""


def _refusal(reply: Reply, told: DeliveryError) -> DeliveryError:
    word = str(reply.at_path(0, "errorCode") or "")
    if word == "REQUEST_LIMIT_EXCEEDED":
        return RateLimited("Salesforce's calls of this day are used up.", code=word.lower(), retry_after=reply.wait)
    if word == "INVALID_QUERY_LOCATOR":
        return _LocatorGone("The result of the query is gone.", code=word.lower())
    if word in _WRONG:
        return Misconfigured(
            f"Salesforce does not take the query ({word}). Are the fields there, and may the app's user see them?",
            code=word.lower(),
        )
    return told


def _sign(outside: Outside, account: Account) -> Mapping[str, str]:
    grant: oauth.Grant = "refresh_token" if account.secrets.get("refresh_token") else "client_credentials"
    url = f"{str(account.settings['base_url']).rstrip('/')}/services/oauth2/token"
    return bearer(oauth.access_token(outside, account, vendor="Salesforce", url=url, grant=grant))


_API = Api(
    "Salesforce", lambda account: str(account.settings["base_url"]), _sign, word=(0, "errorCode"), refusal=_refusal,
    seconds=60.0,
)  # fmt: skip


class Salesforce(Origin):
    """Contacts, leads or opportunities."""

    label = "Salesforce"
    settings = {
        "base_url": Field(
            label="My Domain", type="url", required=True, help="Such as https://acme.my.salesforce.com",
        ),
        "object": Field(
            label="Records", type="choice", default="Contact",
            choices=(("Contact", "Contacts"), ("Lead", "Leads"), ("Opportunity", "Opportunities")),
        ),
        "properties": Field(
            label="Fields", type="text", default="",
            help="API names with commas between, such as Title, Account.Name; left empty, the usual ones.",
        ),
        "look_back": crm.LOOK_BACK,
        **crm.GONE,
        "client_id": Field(label="Consumer key", required=True, help="Of the connected app."),
        "client_secret": Field(label="Consumer secret", required=True, secret=True),
        "refresh_token": Field(
            label="Refresh token", secret=True, help="Without one, the app's client credentials flow is used.",
        ),
    }  # fmt: skip
    which = ("base_url", "object", "properties")

    def name(self, settings: Mapping[str, Any]) -> str:
        return f"{_object(settings)} records of Salesforce"

    def problems(self, settings: Mapping[str, Any], secrets: Mapping[str, str]) -> list[str]:
        names = crm.names_of(settings.get("properties"), ())
        wrong = [f"properties: {one[:60]} is no name of a field." for one in names if not _FIELD.fullmatch(one)]
        return [*wrong, *crm.usual_problems(settings)]

    def hint(self, settings: Mapping[str, Any]) -> Hint:
        return _HINTS[_object(settings)]

    def cursor_column(self, settings: Mapping[str, Any]) -> str:
        return _CURSOR

    def look_back(self, settings: Mapping[str, Any]) -> int:
        return number(settings, "look_back", 300)

    def test(self, outside: Outside, account: Account) -> str:
        reply = _get(outside, account, f"select count() from {_object(account.settings)}")
        _get(outside, account, f"{_select(account)} limit 1")
        return f"Salesforce answers: {int(reply.at_path('totalSize') or 0):,} records."

    def deleted(self, outside: Outside, account: Account, since: datetime) -> Iterator[Chunk]:
        header = ("Id", _CURSOR, *_fields(account))
        for reply in _deleted(outside, account, since):
            rows = [_row(header, one) for one in reply.at_path("records") or ()]
            if rows:
                yield Chunk(header, rows)

    def newest(self, outside: Outside, account: Account) -> Any:
        query = f"select {_CURSOR} from {_object(account.settings)} order by {_CURSOR} desc limit 1"
        told = _get(outside, account, query).at_path("records", 0, _CURSOR)
        return crm.moment(str(told)) if told else None

    def read(self, outside: Outside, account: Account, start: Start) -> Iterator[Chunk]:
        at, inclusive, locator = (start.cursor, start.key), start.inclusive, ""
        limit = f" limit {start.most:d}" if start.most is not None else ""
        header = ("Id", _CURSOR, *_fields(account))
        while True:
            query = f"{_select(account)}{_after(*at, inclusive=inclusive)} order by {_CURSOR}, Id{limit}"
            try:
                reply = _next(outside, account, locator) if locator else _get(outside, account, query)
            except _LocatorGone:
                locator = ""
                continue
            rows = [_row(header, one) for one in reply.at_path("records") or ()]
            if rows:
                yield Chunk(header, rows)
                at, inclusive = (rows[-1].cursor, rows[-1].key), False
            locator = str(reply.at_path("nextRecordsUrl") or "")
            if not locator:
                return


def _deleted(outside: Outside, account: Account, since: datetime) -> Iterator[Reply]:
    """Parts of the records in the bin; what was emptied out of it (after 15 days) is told no more."""
    query = f"{_select(account)} where IsDeleted = true and {_CURSOR} >= {clock.iso(since)} order by {_CURSOR}, Id"
    reply = _asked(outside, account, f"/services/data/{_VERSION}/queryAll", {"q": query})
    yield reply
    while locator := str(reply.at_path("nextRecordsUrl") or ""):
        reply = _next(outside, account, locator)
        yield reply


def _select(account: Account) -> str:
    return f"select {', '.join(('Id', _CURSOR, *_fields(account)))} from {_object(account.settings)}"


def _after(at: datetime | None, key: Sequence[Any], *, inclusive: bool) -> str:
    """The condition that comes after a place. SOQL has no parameters: the values are written by us alone."""
    if at is None:
        return ""
    told = clock.iso(at)
    if inclusive or not key:
        return f" where {_CURSOR} >= {told}"
    if not _ID.fullmatch(str(key[0])):
        raise Misconfigured("An id of Salesforce has 15 or 18 letters and digits.", code="bad_id")
    return f" where ({_CURSOR} > {told} or ({_CURSOR} = {told} and Id > '{key[0]}'))"


def _get(outside: Outside, account: Account, query: str) -> Reply:
    return _asked(outside, account, f"/services/data/{_VERSION}/query", {"q": query})


def _next(outside: Outside, account: Account, locator: str) -> Reply:
    if not locator.startswith("/services/data/"):
        raise Temporary("Salesforce told an address of the next part that is none of its own.", code="bad_locator")
    return _asked(outside, account, locator, None)


def _asked(outside: Outside, account: Account, where: str, query: Mapping[str, str] | None) -> Reply:
    headers = {"sforce-query-options": f"batchSize={CHUNK}"}
    try:
        return _API.ask(outside, account, "GET", where, query=query, headers=headers)
    except InvalidCredentials as refused:
        if "INVALID_SESSION_ID" not in refused.message:
            raise
        # A token may end before its time: another one is asked for, once.
        oauth.forget()
        return _API.ask(outside, account, "GET", where, query=query, headers=headers)


def _row(header: Sequence[str], record: Mapping[str, Any]) -> Row:
    cells = [_cell(record, name) for name in header]
    return Row(cells, crm.moment(str(record[_CURSOR])), (str(record["Id"]),))


def _cell(record: Any, name: str) -> Any:
    """The field, also one of a parent record (`Account.Name`)."""
    for part in name.split("."):
        record = record.get(part) if isinstance(record, Mapping) else None
    return record


def _object(settings: Mapping[str, Any]) -> str:
    return str(settings.get("object") or "Contact")


def _fields(account: Account) -> tuple[str, ...]:
    found = crm.names_of(account.settings.get("properties"), _USUAL[_object(account.settings)])
    return tuple(one for one in found if one not in ("Id", _CURSOR))
