"""TikTok custom audiences: hashed identifiers are added to an audience and removed from it.

Contract: https://business-api.tiktok.com/portal/docs?id=1739940506015746 (`segment/mapping/`: every row has one entry
for each column of the schema, `{}` where it has none; up to 1,000 rows). It answers 200 to nearly everything, with a
`code` that is not 0 for a refusal, and takes all rows of a call or none. Who is in an audience is not told.
"""

from collections.abc import Callable, Sequence
from typing import Any

from connectors.destinations import hashing
from connectors.destinations.calling import Api, Reply
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
    apart,
)
from connectors.destinations.mapping import path

_VERSION = "v1.3"
# https://business-api.tiktok.com/portal/docs?id=1737172488964097 (return codes)
_NO_ACCESS = (40001, 40102, 40103, 40104, 40105, 40106)
_TOO_MANY = (40016, 40100, 40133)
_SERVER = range(50_000, 60_000)

_COLUMNS: dict[str, tuple[str, Callable[[str], str]]] = {
    "email": ("EMAIL_SHA256", lambda text: hashing.sha256(hashing.email(text))),
    "phone": ("PHONE_SHA256", lambda text: hashing.sha256(hashing.phone(text))),
    "idfa": ("IDFA_SHA256", lambda text: hashing.sha256(hashing.lower(text))),
}


class CustomAudience(Action):
    """Members of the segment are in a custom audience."""

    slug = "audience"
    label = "Keep a custom audience"
    description = "Hashed identifiers are added to an audience and removed from it. Changes show there within two days."
    identifier_kind = "email"
    fields = {
        "audience_id": Field(label="Audience id", required=True, constant=True, key=True),
        "email": Field(label="E-mail address", key=True, default=path("target.value")),
        "phone": Field(label="Phone number", key=True),
        "idfa": Field(label="Mobile advertiser id (IDFA)", key=True),
    }
    batch_size = 1_000
    calls_per_second = 5.0

    def perform_batch(self, outside: Outside, account: Account, payloads: Sequence[Payload]) -> list[Verdict]:
        verdicts: dict[str, Verdict] = {}
        for rows, act in zip(apart(payloads), ("add", "delete"), strict=True):
            hashed = {row.id: _hashed(row) for row in rows}
            usable = [row for row in rows if any(hashed[row.id])]
            verdicts |= {row.id: InvalidPayload("No identifier here can be standardised.") for row in rows}
            if usable:
                _send(outside, account, act, str(usable[0].fields["audience_id"]), [hashed[row.id] for row in usable])
                verdicts |= {row.id: Delivered() for row in usable}
        return [verdicts[row.id] for row in payloads]


def _hashed(row: Payload) -> list[str]:
    return [standardise(str(row.fields.get(name) or "")) for name, (_, standardise) in _COLUMNS.items()]


def _send(outside: Outside, account: Account, act: str, audience: str, data: Sequence[Sequence[str]]) -> None:
    body = {
        "advertiser_ids": [str(account.settings["advertiser_id"])],
        "action": act,
        "id_schema": [column for column, _ in _COLUMNS.values()],
        "batch_data": [[{"id": one, "audience_ids": [audience]} if one else {} for one in row] for row in data],
    }
    _ask(outside, account, "POST", "/segment/mapping/", json=body)


def _ask(outside: Outside, account: Account, method: str, where: str, **sent: Any) -> Reply:
    reply = _API.ask(outside, account, method, f"/open_api/{_VERSION}{where}", **sent)
    code = reply.at_path("code")
    if code != 0:
        raise _refused(code, reply)
    return reply


def _refused(code: object, reply: Reply) -> DeliveryError:
    told, word = f"TikTok answered with code {code}.", f"tiktok_{code}"
    if not isinstance(code, int):
        return Temporary("TikTok answered without a code.", code="no_code")
    if code in _NO_ACCESS:
        return InvalidCredentials(told, code=word)
    if code in _TOO_MANY:
        return RateLimited(told, code=word, retry_after=reply.wait)
    return Temporary(told, code=word) if code in _SERVER else InvalidPayload(told, code=word)


_API = Api(
    "TikTok", "https://business-api.tiktok.com", lambda _, account: {"access-token": account.secrets["token"]},
    word=("code",), seconds=18.0,
)  # fmt: skip


def test(outside: Outside, account: Account) -> str:
    """Ask for the advertiser's name."""
    query = {"advertiser_ids": f'["{account.settings["advertiser_id"]}"]', "fields": '["name"]'}
    _ask(outside, account, "GET", "/advertiser/info/", query=query)
    return "TikTok takes the token for this advertiser."


tiktok = Destination(
    slug="tiktok",
    label="TikTok custom audiences",
    description="Hashed identifiers in a custom audience.",
    settings={
        "advertiser_id": Field(label="Advertiser id", required=True),
        "token": Field(label="Access token", required=True, secret=True, help="With Audience Management."),
        "base_url": GATEWAY,
    },
    actions={CustomAudience.slug: CustomAudience()},
    test=test,
    api_version=_VERSION,
    verified="2026-11",
)
