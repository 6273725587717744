"""Standard Webhooks signatures (symmetric, `v1`). Pure but for the random bytes of a new secret."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence

PREFIX = "whsec_"
MIN_BYTES, MAX_BYTES = 24, 64


def new_secret() -> str:
    """`whsec_` and 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key inside a secret. Raises ValueError with what is wrong, and never with the secret in it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("The signing secret must be whsec_ followed by base64.") from None
    if not MIN_BYTES <= len(key) <= MAX_BYTES:
        raise ValueError(f"The signing secret must hold {MIN_BYTES} to {MAX_BYTES} bytes; this one holds {len(key)}.")
    return key


def signature(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64 HMAC-SHA256 of "{id}.{timestamp}.{body}">`."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()


def headers(secret_list: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. With two secrets (rotation) the receiver may check either signature."""
    signatures = [signature(s, message_id=message_id, timestamp=timestamp, body=body) for s in secret_list]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }
