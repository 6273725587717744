"""What providers of SMS and WhatsApp tell of a message after they took it: read and checked. Pure.

Twilio: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status,
https://www.twilio.com/docs/usage/security#validating-requests.
Vonage: https://developer.vonage.com/en/messages/concepts/messages-status-callbacks,
https://developer.vonage.com/en/messages/concepts/signed-webhooks.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from campaigns.sending.channels.kit import Account

# `bounced`: there is nobody to reach at this number. `stopped`: who has it said STOP. `failed` may pass: the handset
# may be switched off. Empty: nothing that is final.
Became = Literal["delivered", "failed", "bounced", "stopped", ""]

# Unknown number, landline, no mobile number, not on WhatsApp.
_TWILIO_DEAD = frozenset({"30005", "30006", "21211", "21614", "63024"})
_TWILIO_STOPPED = "21610"
# No such number, not in use any more, not on WhatsApp.
_VONAGE_DEAD = frozenset({"1170", "1190", "1300"})
# "Illegal number": the user has sent STOP.
_VONAGE_STOPPED = "1240"
_DELIVERED = ("delivered", "read")
_FAILED = ("failed", "undelivered", "rejected", "undeliverable")


class UnsignedStatus(Exception):
    """The call does not carry the provider's signature."""


@dataclass(frozen=True, slots=True)
class StatusCall:
    """A call as it came in."""

    body: bytes
    form: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Status:
    """What it tells, and by what the provider knows the message."""

    provider_id: str
    became: Became
    reason: str


def read_status(provider: str, call: StatusCall, url: str, account: Account) -> Status:
    """What a call tells that came to `url`. Raises UnsignedStatus."""
    reader = _READERS.get(provider)
    if reader is None:
        raise UnsignedStatus("The channel's provider tells nothing to this address.")
    return reader(call, url, account)


def twilio_signature(token: str, url: str, form: Mapping[str, str]) -> str:
    """Base64 of HMAC-SHA1 over the address and the sorted parameters, as X-Twilio-Signature carries it."""
    text = url + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _twilio(call: StatusCall, url: str, account: Account) -> Status:
    secret = account.secrets.get("auth_token", "")
    expected, given = twilio_signature(secret, url, call.form), call.headers.get("x-twilio-signature", "")
    if not secret or not hmac.compare_digest(expected.encode(), given.encode()):
        raise UnsignedStatus("The call is not signed with the channel's auth token.")
    status, code = call.form.get("MessageStatus", ""), call.form.get("ErrorCode", "")
    became = _became(status, code, dead=_TWILIO_DEAD, stopped=_TWILIO_STOPPED)
    return Status(call.form.get("MessageSid", ""), became, f"Twilio: {status} {code}".strip())


def vonage_token(secret: str, claims: Mapping[str, Any]) -> str:
    """A JSON Web Token (RFC 7519) signed by HMAC-SHA256, as Vonage's calls carry one."""
    text = ".".join(_packed(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims))
    return f"{text}.{_packed(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def _vonage(call: StatusCall, _url: str, account: Account) -> Status:
    secret = account.secrets.get("signature_secret", "")
    claims = _claims(call.headers.get("authorization", "").removeprefix("Bearer ").strip(), secret)
    digest = hashlib.sha256(call.body).hexdigest()
    if not hmac.compare_digest(str(claims.get("payload_hash", "")).lower().encode(), digest.encode()):
        raise UnsignedStatus("The call's body is not the one that was signed.")
    try:
        told = json.loads(call.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return Status("", "", "")
    status, code = str(told.get("status", "")), _vonage_code(told.get("error"))
    became = _became(status, code, dead=_VONAGE_DEAD, stopped=_VONAGE_STOPPED)
    return Status(str(told.get("message_uuid", "")), became, f"Vonage: {status} {code}".strip())


def _vonage_code(error: Any) -> str:
    """The number of an error, which is its title, or what its address ends in."""
    if not isinstance(error, dict):
        return ""
    title = str(error.get("title", ""))
    return title if title.isdigit() else str(error.get("type", "")).partition("#")[2][:20]


def _claims(token: str, secret: str) -> Mapping[str, Any]:
    """What a token of Vonage says. Raises UnsignedStatus for one that is not signed with the secret."""
    text, _, signature = token.rpartition(".")
    try:
        head, claims = (json.loads(_unpacked(part)) for part in text.split("."))
        given = _unpacked(signature)
    except (ValueError, RecursionError) as problem:
        raise UnsignedStatus("The call carries no token of Vonage.") from problem
    expected = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    good = isinstance(head, dict) and head.get("alg") == "HS256" and isinstance(claims, dict)
    if not secret or not good or not hmac.compare_digest(expected, given):
        raise UnsignedStatus("The call is not signed with the channel's signature secret.")
    return claims


def _packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True)
    except binascii.Error as problem:
        raise ValueError("This is no base64url.") from problem


def _became(status: str, code: str, *, dead: frozenset[str], stopped: str) -> Became:
    if status in _DELIVERED:
        return "delivered"
    if status not in _FAILED:
        return ""
    return "stopped" if code == stopped else "bounced" if code in dead else "failed"


_READERS: Mapping[str, Callable[[StatusCall, str, Account], Status]] = {"twilio": _twilio, "vonage": _vonage}
