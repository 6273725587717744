"""Access tokens from refresh tokens (RFC 6749 section 6), kept for as long as they live. Bring your own app."""

import hashlib
import threading
from datetime import datetime, timedelta

from connectors.destinations.calling import call
from connectors.destinations.errors import InvalidCredentials, Temporary
from connectors.destinations.kit import Outside

# A token that ends within a batch is no use.
_SPARE = timedelta(seconds=90)
_held: dict[str, tuple[str, datetime]] = {}
_lock = threading.Lock()


def access_token(
    outside: Outside, *, vendor: str, token_url: str, client_id: str, client_secret: str, refresh_token: str
) -> str:
    """A token that is good for the next minute.

    Raises:
        InvalidCredentials: the vendor refuses the app or the refresh token; the owner must connect anew.
        Temporary: it could not be asked.
    """
    name = hashlib.sha256("\0".join((token_url, client_id, client_secret, refresh_token)).encode()).hexdigest()
    with _lock:
        held = _held.get(name)
    if held is not None and held[1] - _SPARE > outside.now:
        return held[0]
    reply = call(
        outside, "POST", token_url,
        form={
            "grant_type": "refresh_token", "refresh_token": refresh_token,
            "client_id": client_id, "client_secret": client_secret,
        },
    )  # fmt: skip
    if reply.status in (400, 401, 403):
        # RFC 6749 section 5.2: invalid_grant, invalid_client, unauthorized_client …
        raise InvalidCredentials(f"{vendor} gives no access token: {reply.at_path('error') or reply.status}.")
    token = reply.at_path("access_token")
    if not reply.ok or not isinstance(token, str):
        raise Temporary(f"{vendor} gave no access token (it answered {reply.status}).", code="no_token")
    lasts = reply.at_path("expires_in")
    until = outside.now + timedelta(seconds=lasts if isinstance(lasts, int) else 3600)
    with _lock:
        _held[name] = (token, until)
    return token


def forget() -> None:
    """Drop all tokens: after a 401, or between tests."""
    with _lock:
        _held.clear()
