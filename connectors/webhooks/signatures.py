"""Signatures of webhooks. Pure: headers, body and time are arguments; all comparisons take the same time.

`standard`  Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
`hmac`      HMAC-SHA256 of the body in a header, as GitHub (https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries)
            and Shopify (https://shopify.dev/docs/apps/build/webhooks/subscribe/https) do it
`stripe`    a header `t=…,v1=…` over time and body (https://docs.stripe.com/webhooks#verify-manually)
`token`     a header that holds the secret itself
`basic`     HTTP basic authentication; the secret is `user:password`
`none`      the address alone is the secret
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from connectors.webhooks.contracts import Unsigned

SCHEMES = {
    "none": "None: the address is the secret", "standard": "Standard Webhooks", "hmac": "HMAC-SHA256 in a header",
    "stripe": "Stripe's", "token": "A secret in a header", "basic": "User and password (basic)",
}  # fmt: skip
# A call that is older, or so far ahead, may be somebody else's copy of it.
TOLERANCE_SECONDS = 300


def problems(signature: Mapping[str, Any], *, has_secret: bool) -> list[str]:
    """What is wrong with how calls are to be checked."""
    scheme = signature.get("scheme", "none")
    if scheme not in SCHEMES:
        return [f"signature: choose one of {', '.join(SCHEMES)}."]
    found = []
    if scheme != "none" and not has_secret:
        found.append("secret: give the secret that the sender signs with.")
    if scheme in ("hmac", "token") and not str(signature.get("header") or "").strip():
        found.append("header: name the header, such as X-Hub-Signature-256.")
    if signature.get("encoding", "hex") not in ("hex", "base64"):
        found.append("encoding: choose hex or base64.")
    return found


def check(signature: Mapping[str, Any], secret: str, headers: Mapping[str, str], body: bytes, *, now: datetime) -> None:
    """Raises Unsigned when the call is not what the sender signed. Names of headers are in small letters."""
    _CHECKS[signature.get("scheme", "none")](signature, secret, headers, body, now)


def _none(*_: Any) -> None:
    return


def _token(signature: Mapping[str, Any], secret: str, headers: Mapping[str, str], _body: bytes, _now: datetime) -> None:
    name = str(signature["header"]).lower()
    _expect(headers.get(name, "").removeprefix(str(signature.get("prefix") or "")), [secret], f"The header {name}")


def _basic(_signature: Any, secret: str, headers: Mapping[str, str], _body: bytes, _now: datetime) -> None:
    wanted = "Basic " + base64.b64encode(secret.encode()).decode()
    _expect(headers.get("authorization", ""), [wanted], "User and password")


def _hmac(signature: Mapping[str, Any], secret: str, headers: Mapping[str, str], body: bytes, _now: datetime) -> None:
    name = str(signature["header"]).lower()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    encoded = base64.b64encode(digest).decode() if signature.get("encoding") == "base64" else digest.hex()
    told = headers.get(name, "").removeprefix(str(signature.get("prefix") or ""))
    _expect(told, [encoded], f"The signature in {name}")


def _stripe(_signature: Any, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    pairs = [part.split("=", 1) for part in headers.get("stripe-signature", "").split(",") if "=" in part]
    stamp = next((value for key, value in pairs if key.strip() == "t"), "")
    _expect_fresh(stamp, now)
    wanted = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    told = [value for key, value in pairs if key.strip() == "v1"]
    _expect(wanted, told, "The signature in stripe-signature")


def _standard(_signature: Any, secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    stamp, name = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    _expect_fresh(stamp, now)
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = secret.encode()
    signed = f"{name}.{stamp}.".encode() + body
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    told = [part[3:] for part in headers.get("webhook-signature", "").split() if part.startswith("v1,")]
    _expect(wanted, told, "The signature in webhook-signature")


def _expect_fresh(stamp: str, now: datetime) -> None:
    if not stamp.isdecimal() or len(stamp) > 12:
        raise Unsigned("The call does not say when it was signed.")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise Unsigned("The call was signed more than five minutes ago, or its sender's clock is wrong.")


def _expect(one: str, others: list[str], what: str) -> None:
    # Encoded, because `compare_digest` takes ASCII text only.
    if not any([hmac.compare_digest(one.encode(), other.encode()) for other in others]):
        raise Unsigned(f"{what} does not fit the secret.")


_CHECKS: Mapping[str, Callable[..., None]] = {
    "none": _none, "token": _token, "basic": _basic, "hmac": _hmac, "stripe": _stripe, "standard": _standard,
}  # fmt: skip
