"""Access tokens of an app that the organisation registered itself (RFC 6749), kept for as long as they live."""

import hashlib
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from connectors.destinations.calling import call
from connectors.destinations.errors import InvalidCredentials, Temporary
from connectors.destinations.kit import Account, Field, Outside

# A token that ends within a batch is no use.
_SPARE = timedelta(seconds=90)
_USUAL = timedelta(hours=1)
_held: dict[str, tuple[str, datetime]] = {}
_lock = threading.Lock()

Grant = Literal["refresh_token", "client_credentials"]


def app_settings(grant: Grant) -> dict[str, Field]:
    """What is asked for when an account is set up."""
    app = {
        "client_id": Field(label="Client id", required=True, help="Of the app that you registered at the vendor."),
        "client_secret": Field(label="Client secret", required=True, secret=True),
    }
    refresh = {"refresh_token": Field(label="Refresh token", required=True, secret=True)}
    gateway = {"token_url": Field(label="Token address", type="url", default="", help="Only for a gateway of yours.")}
    return app | (refresh if grant == "refresh_token" else {}) | gateway


def access_token(outside: Outside, account: Account, *, vendor: str, url: str, grant: Grant) -> str:
    """A token that is good for the next minute, by the account's app. `url` is the vendor's token endpoint.

    Raises:
        InvalidCredentials: the vendor refuses the app or the refresh token; the owner must connect anew.
        Temporary: it could not be asked.
    """
    where = str(account.settings.get("token_url") or "") or url
    asked = {"grant_type": grant, "client_id": str(account.settings["client_id"])}
    secrets = {name: account.secrets[name] for name in ("client_secret", "refresh_token") if name in account.secrets}
    name = hashlib.sha256("\0".join((where, *asked.values(), *secrets.values())).encode()).hexdigest()
    with _lock:
        held = _held.get(name)
    if held is not None and held[1] - _SPARE > outside.now:
        return held[0]
    token, lasts = _ask(outside, vendor, where, asked | secrets)
    with _lock:
        _held[name] = (token, outside.now + lasts)
    return token


def _ask(outside: Outside, vendor: str, url: str, form: Mapping[str, str]) -> tuple[str, timedelta]:
    reply = call(outside, "POST", url, form=form)
    if reply.status in (400, 401, 403):
        # RFC 6749 section 5.2: invalid_grant, invalid_client, unauthorized_client …
        raise InvalidCredentials(f"{vendor} gives no access token: {_word(reply.at_path('error')) or reply.status}.")
    if not reply.ok:
        raise reply.problem(vendor)
    token, lasts = reply.at_path("access_token"), reply.at_path("expires_in")
    if not isinstance(token, str):
        raise Temporary(f"{vendor} answered without an access token.", code="no_token")
    return token, timedelta(seconds=lasts) if isinstance(lasts, int) else _USUAL


def _word(told: object) -> str:
    """The error's code when it is one; nothing that may quote."""
    return told if isinstance(told, str) and told.replace("_", "").isalnum() and len(told) < 60 else ""


def forget() -> None:
    """Drop all tokens: after a vendor refused one before its time."""
    with _lock:
        _held.clear()
