"""Who may do what: roles of people and scopes of tokens, checked on every route."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from common.models import ApiToken
from common.roles import CAPABILITIES, SCOPES, Role

__all__ = ["CAPABILITIES", "SCOPES", "Role", "allows", "can", "create_token", "find_token", "revoke_token"]

_USED_EVERY = timedelta(minutes=1)


class UnknownScope(ValueError):
    """A scope that does not exist was asked for."""


def can(user: Any, capability: str) -> bool:
    """Whether a signed-in, active person has `capability`. An unknown capability is a programming error."""
    allowed = CAPABILITIES[capability]
    return bool(user and user.is_authenticated and user.is_active and user.role in allowed)


def allows(token: ApiToken, scope: str) -> bool:
    """Whether a token has `scope`, by itself or through `admin:*`."""
    return scope in token.scopes or "admin:*" in token.scopes


def create_token(
    *, name: str, scopes: Iterable[str], by: str = "", expires_at: datetime | None = None
) -> tuple[str, ApiToken]:
    """Make a token; its text `cdp_live_<key id>_<secret>` is returned here and never again.

    Raises UnknownScope with the list of those that exist.
    """
    wanted = sorted({scope.strip() for scope in scopes if scope.strip()})
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        named = ", ".join(unknown) or "(none given)"
        raise UnknownScope(f"No such scope: {named}. Choose from: {', '.join(SCOPES)}.")
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32).replace("_", "-")
    token = ApiToken.objects.create(
        key_id=key_id, secret_hash=_digest(secret), name=name, scopes=wanted, created_by=by, expires_at=expires_at
    )
    return f"cdp_live_{key_id}_{secret}", token


def find_token(text: str, *, now: datetime | None = None) -> ApiToken | None:
    """The live token behind a Bearer text, or None. Compares in constant time."""
    moment = now or timezone.now()
    parts = text.split("_", 3)
    if len(parts) != 4 or parts[0] != "cdp":
        return None
    token = ApiToken.objects.filter(key_id=parts[2], revoked_at=None).first()
    if token is None or not hmac.compare_digest(token.secret_hash, _digest(parts[3])):
        return None
    if token.expires_at is not None and token.expires_at <= moment:
        return None
    if token.last_used_at is None or moment - token.last_used_at > _USED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=moment)
    return token


def revoke_token(*, token_id: int, now: datetime) -> None:
    """The token stops working at once; the row stays for the record."""
    ApiToken.objects.filter(pk=token_id, revoked_at=None).update(revoked_at=now)


def _digest(secret: str) -> str:
    # The secret has 256 bits of its own: a slow password hash would only slow down each request.
    return hashlib.sha256(secret.encode()).hexdigest()
