"""Receipts: what was erased where, signed, so that it can be shown to others and checked by them.

Ed25519 (RFC 8032) over the document as JSON with sorted keys and without spaces.
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from common import crypto
from privacy.models import SigningKey


def sign(document: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """The receipt: the document, its signature, and the public key to check it by."""
    key = _key(now)
    private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(crypto.decrypt(key.private)))
    return {
        "document": dict(document),
        "signature": base64.b64encode(private.sign(_canonical(document))).decode(),
        "public_key": key.public,
    }


def verify(receipt: Mapping[str, Any], *, public_key: str | None = None) -> bool:
    """Whether the receipt is as it was signed: by `public_key`, or by the one that it names."""
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key or str(receipt["public_key"])))
        key.verify(base64.b64decode(str(receipt["signature"])), _canonical(receipt["document"]))
    except (InvalidSignature, KeyError, TypeError, ValueError):
        return False
    return True


def public_key(*, now: datetime) -> str:
    """The key that this installation signs with, as base64 of its 32 bytes."""
    return _key(now).public


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def _key(now: datetime) -> SigningKey:
    found = SigningKey.objects.order_by("pk").first()
    if found is None:
        made = Ed25519PrivateKey.generate()
        found = SigningKey.objects.create(
            private=crypto.encrypt(base64.b64encode(made.private_bytes_raw()).decode()),
            public=base64.b64encode(made.public_key().public_bytes_raw()).decode(),
            created_at=now,
        )
    return found
