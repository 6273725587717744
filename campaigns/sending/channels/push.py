"""Web push (RFC 8030, 8291, 8292) and mobile push (FCM HTTP v1).

A repeat carries the same topic or tag, so that it replaces what is there rather than being shown twice.
FCM: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages and .../ErrorCode.
"""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from py_vapid import Vapid02

from campaigns.sending.channels.kit import (
    Account,
    BadContact,
    Hand,
    HandingError,
    Letter,
    Misconfigured,
    Outside,
    Provider,
    Rejected,
    call,
    read,
    refusal,
)
from common.http import Answer
from connectors.contracts import Field

_DAY = 86_400
_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
_held: dict[str, tuple[str, datetime]] = {}
_lock = threading.Lock()


def new_vapid_key() -> tuple[str, str]:
    """A private key (PEM) and the public one as browsers take it (base64url of the uncompressed point)."""
    made = Vapid02()
    made.generate_keys()
    point = made.public_key.public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )  # fmt: skip
    return made.private_pem().decode(), _b64(point)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@contextmanager
def _webpush(account: Account, outside: Outside) -> Iterator[Hand]:
    from pywebpush import WebPusher, WebPushException  # with aiohttp: only where something is pushed

    try:
        signer = Vapid02.from_pem(account.secrets["vapid_private"].encode())
    except (KeyError, ValueError) as error:
        raise Misconfigured("The key that signs web push is gone. Set the channel up again.") from error

    def hand(letter: Letter) -> str:
        subscription = json.loads(letter.address)
        place = urlsplit(subscription["endpoint"])
        claims = {
            "sub": str(account.settings["contact"]), "aud": f"{place.scheme}://{place.netloc}",
            "exp": int((outside.now() + timedelta(hours=12)).timestamp()),
        }  # fmt: skip
        try:
            content = WebPusher(subscription).encode(orjson.dumps(dict(letter.fields) | {"tag": letter.key}))["body"]
        except (WebPushException, ValueError) as error:
            raise BadContact("The browser's keys cannot be used.", reason="gone") from error
        # A topic has at most 32 characters of base64url (RFC 8030 section 5.4).
        answer = call(outside, subscription["endpoint"], content=content, headers={
            **signer.sign(claims), "content-encoding": "aes128gcm", "content-type": "application/octet-stream",
            "ttl": str(_DAY), "urgency": "normal", "topic": letter.key.replace("-", "")[:32],
        })  # fmt: skip
        if answer.status not in (200, 201, 202, 204):
            raise _webpush_problem(answer, outside)
        return answer.headers.get("location", "")[:200]

    yield hand


def _webpush_problem(answer: Answer, outside: Outside) -> HandingError:
    if answer.status in (404, 410):
        return BadContact("The browser has ended its subscription.", reason="gone")
    if answer.status == 413:
        return Rejected("The push service takes no message of this length (413).")
    return refusal(answer, "The push service", outside.now())


@contextmanager
def _fcm(account: Account, outside: Outside) -> Iterator[Hand]:
    person = _service_account(account)
    base = str(account.settings.get("url") or "") or "https://fcm.googleapis.com"

    def hand(letter: Letter) -> str:
        answer = call(
            outside, f"{base}/v1/projects/{person['project_id']}/messages:send", json={"message": _fcm_message(letter)},
            headers={"authorization": f"Bearer {_access_token(person, outside)}"},
        )  # fmt: skip
        if answer.status != 200:
            raise _fcm_problem(answer, outside)
        return str(read(answer, "name") or "")

    yield hand


def _service_account(account: Account) -> Mapping[str, Any]:
    try:
        found = json.loads(account.secrets.get("service_account", ""))
        if all(isinstance(found[name], str) for name in ("project_id", "client_email", "private_key")):
            return dict(found)
    except (ValueError, KeyError, TypeError):
        pass
    raise Misconfigured("The service account is not the JSON file that Google gives out. Enter it again.")


def _fcm_message(letter: Letter) -> dict[str, Any]:
    shown = {"title": letter.fields["title"], "body": letter.fields.get("body", "")}
    return {
        "token": letter.address, "notification": shown,
        "data": {"send": letter.key, "url": letter.fields.get("url", "")},
        "android": {"collapse_key": letter.key, "notification": {"tag": letter.key}},
        "apns": {"headers": {"apns-collapse-id": letter.key}},
    }  # fmt: skip


def _access_token(person: Mapping[str, Any], outside: Outside) -> str:
    """A token of Google's for a service account (RFC 7523), kept for as long as it lives."""
    now, name = outside.now(), f"{person['client_email']}\0{person['private_key'][-80:]}"
    with _lock:
        held = _held.get(name)
    if held is not None and held[1] > now + timedelta(seconds=90):
        return held[0]
    url = str(person.get("token_uri") or _TOKEN_URL)
    answer = call(outside, url, form={
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": _assertion(person, url, now),
    })  # fmt: skip
    token = read(answer, "access_token")
    if answer.status in (400, 401, 403):
        raise Misconfigured("Google gives the service account no access token.")
    if answer.status != 200 or not isinstance(token, str):
        raise refusal(answer, "Google", now)
    lasts = read(answer, "expires_in")
    with _lock:
        _held[name] = (token, now + timedelta(seconds=lasts if isinstance(lasts, int) else 3600))
    return token


def _assertion(person: Mapping[str, Any], audience: str, now: datetime) -> str:
    try:
        key = serialization.load_pem_private_key(person["private_key"].encode(), None)
    except ValueError as error:
        raise Misconfigured("The service account's private key cannot be read.") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Misconfigured("The service account's private key is none of RSA.")
    issued = int(now.timestamp())
    claims = {"iss": person["client_email"], "scope": _SCOPE, "aud": audience, "iat": issued, "exp": issued + 3600}
    text = f"{_b64(orjson.dumps({'alg': 'RS256', 'typ': 'JWT'}))}.{_b64(orjson.dumps(claims))}"
    return f"{text}.{_b64(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _fcm_problem(answer: Answer, outside: Outside) -> HandingError:
    details = read(answer, "error", "details")
    codes = (
        {str(one.get("errorCode")) for one in details if isinstance(one, dict)} if isinstance(details, list) else set()
    )
    if "UNREGISTERED" in codes or answer.status == 404:
        return BadContact("The app was removed from the device (UNREGISTERED).", reason="gone")
    if "SENDER_ID_MISMATCH" in codes:
        return Misconfigured("The token belongs to another project (SENDER_ID_MISMATCH).")
    if answer.status == 401:
        with _lock:
            _held.clear()
    return refusal(answer, "FCM", outside.now(), ", ".join(sorted(codes - {"None"}))[:60])


PROVIDERS = (
    Provider("vapid", "Push services of browsers", ("webpush",), {
        "contact": Field(label="Contact", required=True, help="mailto: or https: address for the push services."),
    }, _webpush, repeats_are_safe=True),
    Provider("fcm", "Firebase Cloud Messaging", ("mobilepush",), {
        "service_account": Field(
            label="Service account", type="text", required=True, secret=True, help="The JSON file as Google gives it."
        ),
        "url": Field(label="Address", type="url", default="", help="Only for a gateway of yours."),
    }, _fcm, repeats_are_safe=True),
)  # fmt: skip
