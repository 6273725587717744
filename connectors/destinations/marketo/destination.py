"""Marketo: people are leads by their address, on a static list.

Contract: https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/lead-database (leads, list
membership; 300 a call). It answers 200 to nearly everything: `success` says whether the request was done, and each
record has a `status` with `reasons` of its own. Long queries go as a form with `_method=GET`, as its pages ask.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from connectors.destinations import oauth
from connectors.destinations.calling import Api, Reply, bearer
from connectors.destinations.errors import (
    DeliveryError,
    InvalidCredentials,
    InvalidPayload,
    Misconfigured,
    RateLimited,
    Temporary,
)
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

# https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes
_TOKEN_ENDED = ("602",)
_NO_ACCESS = ("600", "601", "603")
_TOO_MANY = {"606": timedelta(seconds=20), "607": timedelta(hours=1), "615": timedelta(seconds=5)}
_TEMPORARY = ("502", "604", "608", "611", "614", "713", "719", "1029")
_NOT_THERE = ("610", "702", "1013")
_PAGE = 300


class StaticList(ListingAction):
    """Members of the segment are on a static list."""

    slug = "list"
    label = "Keep a static list"
    description = "People are leads by their address and are on a static list; who leaves it stays a lead."
    identifier_kind = "email"
    fields = {
        "list_id": Field(label="List id", required=True, constant=True, key=True, help="A number, from its address."),
        "email": Field(label="E-mail address", key=True, required=True, default=path("target.value")),
        "data": Field(label="Lead fields", type="object", default={}, help="By their REST names, such as firstName."),
    }
    batch_size = _PAGE
    # A hundred calls in 20 seconds, shared with all else that calls; a batch makes up to four.
    calls_per_second = 1.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        entering, leaving = apart(payloads)
        verdicts = _enter(outside, account, entering) if entering else {}
        verdicts |= _leave(outside, account, leaving) if leaving else {}
        return [verdicts[row.id] for row in payloads]

    def read_back(self, outside: Outside, account: Account) -> Iterator[str]:
        query: dict[str, Any] = {"batchSize": _PAGE, "fields": "email"}
        while True:
            reply = _ask(outside, account, "GET", _list(outside.mapping), query=query)
            yield from (str(one.get("email") or "").lower() for one in reply.at_path("result") or ())
            token = reply.at_path("nextPageToken")
            if not token:
                return
            query = {**query, "nextPageToken": token}

    def member(self, fields: Mapping[str, Any]) -> str:
        return _address(fields)


def _address(fields: Mapping[str, Any]) -> str:
    return str(fields.get("email") or "").strip().lower()


def _list(fields: Mapping[str, Any]) -> str:
    list_id = str(fields.get("list_id", ""))
    if not list_id.isdigit():
        raise Misconfigured("The list id must be a number.", code="bad_list")
    return f"/rest/v1/lists/{list_id}/leads.json"


def _enter(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, Verdict]:
    """Make or change the leads, then put those on the list."""
    where = _list(rows[0].fields)
    body = {
        "action": "createOrUpdate",
        "lookupField": "email",
        "input": [{**(row.fields.get("data") or {}), "email": _address(row.fields)} for row in rows],
    }
    kept = _results(_ask(outside, account, "POST", "/rest/v1/leads.json", json=body), len(rows))
    leads = {row.id: one["id"] for row, one in zip(rows, kept, strict=True) if one.get("id") is not None}
    verdicts: dict[str, Verdict] = {
        row.id: _refused_row(one) for row, one in zip(rows, kept, strict=True) if row.id not in leads
    }
    if leads:
        reply = _ask(outside, account, "POST", where, query={"id": list(leads.values())})
        listed = {one.get("id"): one for one in reply.at_path("result") or ()}
        verdicts |= {
            key: Delivered() if listed.get(lead, {}).get("status") in ("added", "memberof")
            else _refused_row(listed.get(lead, {}))
            for key, lead in leads.items()
        }  # fmt: skip
    return verdicts


def _leave(outside: Outside, account: Account, rows: Sequence[Payload]) -> dict[str, Verdict]:
    """Find the leads by their addresses (there may be several of one) and take them off the list."""
    where = _list(rows[0].fields)
    form = {
        "_method": "GET", "filterType": "email", "fields": "id,email", "batchSize": str(_PAGE),
        "filterValues": ",".join(_address(row.fields) for row in rows),
    }  # fmt: skip
    found: dict[str, list[int]] = {}
    while True:
        reply = _ask(outside, account, "POST", "/rest/v1/leads.json", form=form)
        for one in reply.at_path("result") or ():
            found.setdefault(str(one.get("email") or "").lower(), []).append(one["id"])
        token = reply.at_path("nextPageToken")
        if not token:
            break
        form = {**form, "nextPageToken": str(token)}
    ids = [lead for leads in found.values() for lead in leads]
    for start in range(0, len(ids), _PAGE):
        _ask(outside, account, "DELETE", where, query={"id": ids[start : start + _PAGE]})
    return {
        row.id: Delivered() if _address(row.fields) in found else Skipped("Marketo does not know this address.")
        for row in rows
    }


def _results(reply: Reply, expected: int) -> list[dict[str, Any]]:
    found = reply.at_path("result")
    if not isinstance(found, list) or len(found) != expected:
        raise Temporary("Marketo did not answer for every row.", code="short_answer")
    return found


def _refused_row(one: Mapping[str, Any]) -> Verdict:
    reasons = one.get("reasons") or [{}]
    code = str(reasons[0].get("code", ""))
    return InvalidPayload(f"Marketo does not take this row ({code or 'no reason given'}).", code=f"marketo_{code}")


def _ask(outside: Outside, account: Account, method: str, where: str, **sent: Any) -> Reply:
    reply = _API.ask(outside, account, method, where, **sent)
    if reply.at_path("success") is not True:
        raise _refused(str(reply.at_path("errors", 0, "code") or ""))
    return reply


def _refused(code: str) -> DeliveryError:
    told, word = f"Marketo answered with code {code or 'none'}.", f"marketo_{code}"
    if code in _TOKEN_ENDED + _NO_ACCESS:
        oauth.forget()
    if code in _NO_ACCESS:
        return InvalidCredentials(told, code=word)
    if code in _TOO_MANY:
        return RateLimited(told, code=word, retry_after=_TOO_MANY[code])
    if code in _NOT_THERE:
        return Misconfigured(f"{told} Is the list there?", code=word)
    temporary = not code or code in _TEMPORARY + _TOKEN_ENDED
    return Temporary(told, code=word) if temporary else InvalidPayload(told, code=word)


def _refusal(reply: Reply, told: DeliveryError) -> DeliveryError:
    if reply.status == 401:
        oauth.forget()
    return told


def _host(account: Account) -> str:
    return f"https://{account.settings['munchkin_id']}.mktorest.com"


def _sign(outside: Outside, account: Account) -> dict[str, str]:
    url = f"{_host(account)}/identity/oauth/token"
    return bearer(oauth.access_token(outside, account, vendor="Marketo", url=url, grant="client_credentials"))


_API = Api("Marketo", _host, _sign, refusal=_refusal, seconds=9.0)


def test(outside: Outside, account: Account) -> str:
    """Read the names of some lists."""
    reply = _ask(outside, account, "GET", "/rest/v1/lists.json", query={"batchSize": 10})
    names = len(reply.at_path("result") or ())
    return f"Marketo takes the app; it sees {'ten or more' if names == 10 else names} lists."


marketo = Destination(
    slug="marketo",
    label="Marketo",
    description="Static lists.",
    settings={
        "munchkin_id": Field(label="Munchkin account id", required=True, help="123-ABC-456"),
        **oauth.app_settings("client_credentials"),
        "base_url": GATEWAY,
    },
    actions={StaticList.slug: StaticList()},
    test=test,
    check=lambda settings, secrets: (
        [] if str(settings.get("munchkin_id", "")).replace("-", "").isalnum()
        else ["munchkin_id: use the id from Admin, Munchkin, such as 123-ABC-456."]
    ),
    api_version="v1",
    verified="2026-11",
)  # fmt: skip
