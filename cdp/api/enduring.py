"""Tokens that go on being good while the database is away: for answers that pages wait for."""

import hashlib
import threading
import time
from datetime import datetime

import psycopg
from django.db import Error as DatabaseError

from cdp.api.problems import Problem
from common import access
from common.models import ApiToken
from common.patience import Away, Patience

_FRESH_SECONDS = 2.0
_ENDURES_SECONDS = 3600.0
_MOST = 1_000

patience = Patience(seconds=0.5, threads=2, failures=(DatabaseError, psycopg.Error, OSError))
_found: dict[bytes, tuple[ApiToken, float]] = {}
_lock = threading.Lock()


def find_token(text: str, *, now: datetime) -> ApiToken | None:
    """`common.access.find_token`, but a token that was found is taken for good for two seconds, and for an hour while
    nobody can be asked. One that was revoked is refused after two seconds at the latest."""
    told = hashlib.sha256(text.encode()).digest()
    token, found_at = _found.get(told, (None, -1e9))
    if token is not None and time.monotonic() - found_at < _FRESH_SECONDS:
        return token if token.expires_at is None or token.expires_at > now else None
    try:
        found = patience.ask(lambda: access.find_token(text, now=now), seconds=0.0 if token else 5.0)
    except Away as why:
        if token is not None and time.monotonic() - found_at < _ENDURES_SECONDS:
            return token
        raise Problem("busy", f"The database cannot be reached. {why}") from None
    with _lock:
        if len(_found) >= _MOST:
            _found.clear()
        _found.pop(told, None)
        if found is not None:
            _found[told] = (found, time.monotonic())
    return found
