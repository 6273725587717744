"""Secrets at rest: Fernet (AES-128-CBC with HMAC-SHA256) under a key derived from the installation's secret key."""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings


class CannotDecrypt(Exception):
    """A stored secret was written under another secret key."""


@lru_cache(maxsize=4)
def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"cdp.crypto:" + secret_key.encode()).digest()))


def encrypt(text: str) -> str:
    """Encrypt `text`; the answer is ASCII and differs each time."""
    return _fernet(settings.SECRET_KEY).encrypt(text.encode()).decode()


def decrypt(token: str) -> str:
    """Undo `encrypt`. Raises CannotDecrypt, with what to do, when the secret key has changed."""
    try:
        return _fernet(settings.SECRET_KEY).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise CannotDecrypt(
            "This secret was stored under another CDP_SECRET_KEY. Restore that key, or enter the secret again."
        ) from error


def keyed_digest(text: str) -> bytes:
    """16 bytes by which a value is known again and from which nobody without the installation's key finds it."""
    return hashlib.blake2b(text.encode(), digest_size=16, key=_digest_key(settings.SECRET_KEY)).digest()


@lru_cache(maxsize=4)
def _digest_key(secret_key: str) -> bytes:
    return hashlib.sha256(b"cdp.digest:" + secret_key.encode()).digest()
