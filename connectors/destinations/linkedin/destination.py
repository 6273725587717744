"""LinkedIn Matched Audiences: hashed addresses are added to a DMP segment and removed from it.

Contract: https://learn.microsoft.com/en-us/linkedin/marketing/matched-audiences/create-and-manage-segment-users
(`dmpSegments/{id}/users` with BATCH_CREATE, 5,000 elements; each element is answered with a status of its own; adding
somebody again, or removing somebody unknown, is 201 by design). A new segment answers 404 for a while. Only apps that
LinkedIn approved for audiences may call it.
"""

from collections.abc import Sequence
from typing import Any

from connectors.destinations import hashing, oauth
from connectors.destinations.calling import Api, Reply, bearer
from connectors.destinations.errors import DeliveryError, InvalidPayload, Temporary, error_for_status
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
)
from connectors.destinations.mapping import path

_VERSION = "202604"
_TOKEN_URL = "https://www.linkedin.com/oauth/v2/accessToken"  # noqa: S105 - an address
_ABOUT = {
    "first_name": "firstName", "last_name": "lastName", "title": "title", "company": "company", "country": "country",
}  # fmt: skip


class MatchedAudience(Action):
    """Members of the segment are in a DMP segment."""

    slug = "audience"
    label = "Keep a matched audience"
    description = "Hashed addresses are added to a DMP segment and removed from it. Changes show there within two days."
    identifier_kind = "email"
    fields = {
        "audience_id": Field(label="DMP segment id", required=True, constant=True, key=True, help="A number."),
        "email": Field(label="E-mail address", key=True, default=path("target.value")),
        "google_aid": Field(label="Google advertising id", key=True),
        "first_name": Field(label="First name"),
        "last_name": Field(label="Last name"),
        "title": Field(label="Job title"),
        "company": Field(label="Company"),
        "country": Field(label="Country", help="Two letters."),
    }
    batch_size = 5_000
    calls_per_second = 5.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        elements = {row.id: _element(row) for row in payloads}
        usable = [row for row in payloads if elements[row.id]["userIds"]]
        verdicts: dict[str, Verdict] = {
            row.id: InvalidPayload("No identifier here can be standardised.") for row in payloads
        }
        if usable:
            where = f"/rest/dmpSegments/{usable[0].fields['audience_id']}/users"
            reply = _API.ask(
                outside, account, "POST", where, headers={"x-restli-method": "BATCH_CREATE"},
                json={"elements": [elements[row.id] for row in usable]},
            )  # fmt: skip
            verdicts |= dict(zip([row.id for row in usable], _read(reply, len(usable)), strict=True))
        return [verdicts[row.id] for row in payloads]


def _element(row: Payload) -> dict[str, Any]:
    email = hashing.sha256(hashing.email(str(row.fields.get("email") or "")))
    device = str(row.fields.get("google_aid") or "").strip()
    known = [("SHA256_EMAIL", email), ("GOOGLE_AID", device)]
    about = {name: str(row.fields[field]) for field, name in _ABOUT.items() if row.fields.get(field)}
    return {
        "action": "REMOVE" if row.operation == "remove" else "ADD",
        "userIds": [{"idType": kind, "idValue": value} for kind, value in known if value],
        **about,
    }


def _read(reply: Reply, expected: int) -> list[Verdict]:
    statuses = [one.get("status") if isinstance(one, dict) else None for one in reply.at_path("elements") or ()]
    if len(statuses) != expected:
        raise Temporary("LinkedIn did not answer for every row.", code="short_answer")
    return [_verdict(status) for status in statuses]


def _verdict(status: object) -> Verdict:
    if isinstance(status, int) and 200 <= status < 300:
        return Delivered()
    if not isinstance(status, int):
        return Temporary("LinkedIn gave no status for this row.", code="no_status")
    return error_for_status(status, f"LinkedIn answered {status} for this row.")


def _refusal(reply: Reply, told: DeliveryError) -> DeliveryError:
    if reply.status == 401:
        oauth.forget()
    if reply.status == 404:
        return Temporary("LinkedIn does not know this segment (yet). A new one takes some minutes.", code="http_404")
    return Temporary(told.message, code="http_409") if reply.status == 409 else told


def _sign(outside: Outside, account: Account) -> dict[str, str]:
    token = oauth.access_token(outside, account, vendor="LinkedIn", url=_TOKEN_URL, grant="refresh_token")
    return {**bearer(token), "linkedin-version": _VERSION, "x-restli-protocol-version": "2.0.0"}


_API = Api("LinkedIn", "https://api.linkedin.com", _sign, word=("serviceErrorCode",), refusal=_refusal, seconds=25.0)


def test(outside: Outside, account: Account) -> str:
    """Read one audience of the ad account."""
    owner = f"urn:li:sponsoredAccount:{account.settings['ad_account_id']}"
    _API.ask(outside, account, "GET", "/rest/dmpSegments", query={"q": "account", "account": owner, "count": 1})
    return "LinkedIn lets the app see the audiences of this account."


linkedin = Destination(
    slug="linkedin",
    label="LinkedIn Matched Audiences",
    description="Hashed addresses in a DMP segment.",
    settings={
        "ad_account_id": Field(label="Ad account id", required=True, help="A number."),
        **oauth.app_settings("refresh_token"),
        "base_url": GATEWAY,
    },
    actions={MatchedAudience.slug: MatchedAudience()},
    test=test,
    api_version=_VERSION,
    verified="2026-11",
)
