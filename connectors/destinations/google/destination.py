"""Google Customer Match: hashed identifiers are added to a customer list and removed from it.

Contract: https://developers.google.com/data-manager/api/reference/rest/v1 (`audienceMembers:ingest` and `:remove`,
10,000 members a request; addresses, numbers and names as SHA-256 of the standardised value in hex, country and postcode
as they are). An answer is a request id: Google matches later, and tells who is in a list to nobody. The consent of each
person is sent with the person (Digital Markets Act), so nobody is added without one.
"""

from collections.abc import Sequence
from typing import Any

from connectors.destinations import hashing, oauth
from connectors.destinations.calling import Api, Reply, bearer
from connectors.destinations.errors import DeliveryError, InvalidPayload, Misconfigured
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

_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_CONSENTS = ("GRANTED", "DENIED")


class CustomerList(Action):
    """Members of the segment are in a customer list."""

    slug = "customer_list"
    label = "Keep a customer list"
    description = "Hashed identifiers are added to a customer list and removed from it. Google matches within two days."
    identifier_kind = "email"
    fields = {
        "audience_id": Field(
            label="Customer list id", required=True, constant=True, key=True, help="Made with contact info as its key."
        ),
        "email": Field(label="E-mail address", key=True, default=path("target.value")),
        "phone": Field(label="Phone number", key=True),
        "first_name": Field(label="First name", key=True),
        "last_name": Field(label="Last name", key=True),
        "country": Field(label="Country", key=True, help="Two letters. A name counts only with country and postcode."),
        "postcode": Field(label="Postcode", key=True),
        "ad_user_data": Field(
            label="Consent: data for advertising", required=True,
            help="GRANTED or DENIED, from a trait that says what the person chose.",
        ),
        "ad_personalization": Field(label="Consent: personalised ads", required=True, help="GRANTED or DENIED."),
    }  # fmt: skip
    batch_size = 10_000
    # 300 requests a minute for a Cloud project.
    calls_per_second = 4.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        verdicts: dict[str, Verdict] = {}
        for rows, method in zip(apart(payloads), ("ingest", "remove"), strict=True):
            members = {row.id: _member(row, consent=method == "ingest") for row in rows}
            wrong = {key: found for key, found in members.items() if isinstance(found, InvalidPayload)}
            usable = [row for row in rows if row.id not in wrong]
            verdicts |= wrong
            if usable:
                told = _send(outside, account, method, usable[0], [members[row.id] for row in usable])
                verdicts |= {row.id: Delivered(message=told) for row in usable}
        return [verdicts[row.id] for row in payloads]


def _member(row: Payload, *, consent: bool) -> dict[str, Any] | InvalidPayload:
    identifiers = _identifiers({name: str(value or "") for name, value in row.fields.items()})
    if not identifiers:
        return InvalidPayload("No identifier here can be standardised.")
    found: dict[str, Any] = {"userData": {"userIdentifiers": identifiers}}
    if not consent:
        return found
    chosen = [str(row.fields.get(name) or "").strip().upper() for name in ("ad_user_data", "ad_personalization")]
    if not set(chosen) <= set(_CONSENTS):
        return InvalidPayload("The consents must be GRANTED or DENIED.", code="no_consent")
    return found | {"consent": {"adUserData": f"CONSENT_{chosen[0]}", "adPersonalization": f"CONSENT_{chosen[1]}"}}


def _identifiers(fields: dict[str, str]) -> list[dict[str, Any]]:
    """Up to three: an address, a number, and a name with its place."""
    email = hashing.sha256(hashing.email_without_dots(fields.get("email", "")))
    phone = hashing.sha256(hashing.phone(fields.get("phone", "")))
    name = {
        "givenName": hashing.sha256(hashing.words(fields.get("first_name", ""))),
        "familyName": hashing.sha256(hashing.words(fields.get("last_name", ""))),
        "regionCode": hashing.country(fields.get("country", "")).upper(),
        "postalCode": fields.get("postcode", "").strip(),
    }
    found: list[dict[str, Any]] = [{"emailAddress": email}] if email else []
    found += [{"phoneNumber": phone}] if phone else []
    return [*found, {"address": name}] if all(name.values()) else found


def _send(outside: Outside, account: Account, method: str, first: Payload, members: Sequence[Any]) -> str:
    body: dict[str, Any] = {
        "destinations": [_destination(account, str(first.fields["audience_id"]))],
        "audienceMembers": members,
        "encoding": "HEX",
    }
    if method == "ingest":
        body["termsOfService"] = {"customerMatchTermsOfServiceStatus": "ACCEPTED"}
    reply = _API.ask(outside, account, "POST", f"/v1/audienceMembers:{method}", json=body)
    return f"Google took it as request {reply.at_path('requestId') or 'without an id'}."


def _destination(account: Account, audience_id: str) -> dict[str, Any]:
    found = {"operatingAccount": _ads(account.settings["customer_id"]), "productDestinationId": audience_id}
    login = account.settings.get("login_customer_id")
    return found | {"loginAccount": _ads(login)} if login else found


def _ads(customer_id: Any) -> dict[str, str]:
    return {"accountType": "GOOGLE_ADS", "accountId": str(customer_id).replace("-", "")}


def _refusal(reply: Reply, told: DeliveryError) -> DeliveryError:
    """A 400 that complains of the destination alone is none of the rows' fault."""
    if reply.status == 401:
        oauth.forget()
    details = reply.at_path("error", "details") or []
    wrong = [
        str(one.get("field", ""))
        for detail in details if isinstance(detail, dict)
        for one in detail.get("fieldViolations") or () if isinstance(one, dict)
    ]  # fmt: skip
    if reply.status == 400 and wrong and all(field.startswith("destinations") for field in wrong):
        return Misconfigured("Google does not take this account or customer list.", code="bad_list")
    return told


def _sign(outside: Outside, account: Account) -> dict[str, str]:
    return bearer(
        oauth.access_token(outside, account, vendor="Google", url=_TOKEN_URL, grant="refresh_token")
    )  # fmt: skip


_API = Api(
    "Google", "https://datamanager.googleapis.com", _sign, word=("error", "status"), refusal=_refusal, seconds=25.0
)


def test(outside: Outside, account: Account) -> str:
    """Ask for a fresh access token, and for the status of no request: it answers 400 or 404 to whoever may ask."""
    query = {"requestId": "0"}
    _API.ask(outside, account, "GET", "/v1/requestStatus:retrieve", query=query, also=(400, 404))
    return "Google takes the app and its token. Whether the list takes people shows with the first of them."


google = Destination(
    slug="google",
    label="Google Customer Match",
    description="Hashed identifiers in a Google Ads customer list.",
    settings={
        "customer_id": Field(label="Google Ads customer id", required=True, help="123-456-7890"),
        "login_customer_id": Field(label="Manager account id", default="", help="When the app signs in through one."),
        "terms_accepted": Field(
            label="The Customer Match terms are accepted", type="boolean", default=False,
            help="In Google Ads, by somebody of your organisation. Nothing can be sent without.",
        ),
        **oauth.app_settings("refresh_token"),
        "base_url": GATEWAY,
    },
    actions={CustomerList.slug: CustomerList()},
    test=test,
    check=lambda settings, secrets: (
        [] if settings.get("terms_accepted") else ["terms_accepted: accept the Customer Match terms first."]
    ),
    api_version="v1",
    verified="2026-11",
)  # fmt: skip
