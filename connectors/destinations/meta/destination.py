"""Meta Custom Audiences: hashed identifiers are added to an audience and removed from it.

Contract: https://developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences (POST and DELETE
`/{audience}/users` with `payload: {schema, data}` of 10,000 rows; all but EXTERN_ID and MADID as SHA-256 of the
standardised value; a missing value is an empty string). Meta matches by any of the columns, and does not tell who is in
an audience. `num_invalid_entries` counts rows that it could not read; which ones is not told, so it is said on all.
"""

from collections.abc import Callable, Sequence

from connectors.destinations import hashing
from connectors.destinations.calling import Api, Reply, bearer
from connectors.destinations.errors import DeliveryError, InvalidCredentials, InvalidPayload, RateLimited, Temporary
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

_VERSION = "v24.0"
# Error codes of the Graph API: https://developers.facebook.com/docs/graph-api/guides/error-handling
_NO_TOKEN = (102, 190)
_TOO_MANY = (4, 17, 32, 613, 80003, 80004)
_TEMPORARY = (1, 2)

_COLUMNS: dict[str, tuple[str, Callable[[str], str]]] = {
    "extern_id": ("EXTERN_ID", str.strip),
    "email": ("EMAIL", lambda text: hashing.sha256(hashing.email(text))),
    "phone": ("PHONE", lambda text: hashing.sha256(hashing.phone_digits(text))),
    "first_name": ("FN", lambda text: hashing.sha256(hashing.words(text))),
    "last_name": ("LN", lambda text: hashing.sha256(hashing.words(text))),
    "gender": ("GEN", lambda text: hashing.sha256(hashing.gender(text))),
    "city": ("CT", lambda text: hashing.sha256(hashing.letters(text))),
    "state": ("ST", lambda text: hashing.sha256(hashing.state(text))),
    "postcode": ("ZIP", lambda text: hashing.sha256(hashing.postcode(text))),
    "country": ("COUNTRY", lambda text: hashing.sha256(hashing.country(text))),
    "madid": ("MADID", hashing.lower),
}
_LABELS = {
    "extern_id": "Your own id", "email": "E-mail address", "phone": "Phone number", "first_name": "First name",
    "last_name": "Last name", "gender": "Gender", "city": "City", "state": "State", "postcode": "Postcode",
    "country": "Country", "madid": "Mobile advertiser id",
}  # fmt: skip


class CustomAudience(Action):
    """Members of the segment are in a custom audience."""

    slug = "audience"
    label = "Keep a custom audience"
    description = "Hashed identifiers are added to an audience and removed from it. Changes show there within a day."
    identifier_kind = "email"
    fields = {
        "audience_id": Field(label="Audience id", required=True, constant=True, key=True),
        **{name: Field(label=label, key=True) for name, label in _LABELS.items()},
        "email": Field(label="E-mail address", key=True, default=path("target.value")),
        "extern_id": Field(label="Your own id", key=True, default=path("profile.id"), help="Sent as it is."),
    }
    batch_size = 10_000
    calls_per_second = 2.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        verdicts: dict[str, Verdict] = {}
        for leaving, method in ((False, "POST"), (True, "DELETE")):
            rows = [row for row in payloads if (row.operation == "remove") is leaving]
            hashed = {row.id: _hashed(row) for row in rows}
            usable = [row for row in rows if _identifies(hashed[row.id])]
            verdicts |= {row.id: InvalidPayload("No identifier here can be standardised.") for row in rows}
            if usable:
                told = _send(outside, account, method, usable, [hashed[row.id] for row in usable])
                verdicts |= {row.id: Delivered(message=told) for row in usable}
        return [verdicts[row.id] for row in payloads]


def _identifies(values: Sequence[str]) -> bool:
    """Whether Meta could find somebody by these: an address, a number, a device, or a whole name."""
    known = {name for name, value in zip(_COLUMNS, values, strict=True) if value}
    return bool(known & {"email", "phone", "madid"}) or {"first_name", "last_name"} <= known


def _hashed(row: Payload) -> list[str]:
    return [standardise(str(row.fields.get(name) or "")) for name, (_, standardise) in _COLUMNS.items()]


def _send(
    outside: Outside, account: Account, method: str, rows: Sequence[Payload], data: Sequence[Sequence[str]]
) -> str:
    body = {"payload": {"schema": [column for column, _ in _COLUMNS.values()], "data": data}}
    reply = _API.ask(outside, account, method, f"/{_VERSION}/{rows[0].fields['audience_id']}/users", json=body)
    invalid = reply.at_path("num_invalid_entries") or 0
    return f"Meta could not read {invalid} of {len(rows)} rows of this call." if invalid else ""


def _refusal(reply: Reply, told: DeliveryError) -> DeliveryError:
    """The Graph API answers 400 to nearly everything; its code says what it is."""
    code = reply.at_path("error", "code")
    if code in _NO_TOKEN:
        return InvalidCredentials(told.message, code=f"meta_{code}")
    if code in _TOO_MANY:
        return RateLimited(told.message, code=f"meta_{code}", retry_after=reply.wait)
    return Temporary(told.message, code=f"meta_{code}") if code in _TEMPORARY else told


_API = Api(
    "Meta", "https://graph.facebook.com", lambda _, account: bearer(account.secrets["token"]), word=("error", "code"),
    refusal=_refusal, seconds=18.0,
)  # fmt: skip


def test(outside: Outside, account: Account) -> str:
    """Ask who the token is."""
    _API.ask(outside, account, "GET", f"/{_VERSION}/me")
    return "Meta takes the token."


meta = Destination(
    slug="meta",
    label="Meta Custom Audiences",
    description="Hashed identifiers in a custom audience.",
    settings={
        "token": Field(label="Access token", required=True, secret=True, help="Of a system user, with ads_management."),
        "base_url": GATEWAY,
    },
    actions={CustomAudience.slug: CustomAudience()},
    test=test,
    api_version=_VERSION,
    verified="2026-11",
)
