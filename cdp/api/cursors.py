"""Opaque cursors: where the next page starts, bound to the question that was asked, and signed.

A cursor is `base64url(JSON [question, position])` and the first bytes of an HMAC. It says nothing that its holder may
not know; the signature keeps a mistyped one from being taken for another place in the list.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from cdp.api.problems import Problem

_SIGNATURE_BYTES = 9


def question(path: str, filters: Mapping[str, Any]) -> str:
    """A short hash of the address and of every filter that shapes the list. `limit` and `cursor` do not shape it."""
    text = json.dumps([path, sorted((k, str(v)) for k, v in filters.items() if v not in (None, ""))])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def encode(*, asked: str, position: list[Any], key: str) -> str:
    """The cursor for `position` in the list that answers `asked`."""
    body = json.dumps([asked, position], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_sign(body, key) + body).rstrip(b"=").decode()


def decode(text: str, *, asked: str, key: str) -> list[Any]:
    """The position in a cursor. Raises `cursor-invalid` for a broken one, `cursor-mismatch` for one of another list."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Problem("cursor-invalid") from None
    signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(body, key)):
        raise Problem("cursor-invalid")
    made_for, position = json.loads(body)
    if made_for != asked:
        raise Problem("cursor-mismatch")
    return list(position)


def _sign(body: bytes, key: str) -> bytes:
    return hmac.digest(b"cdp.api.cursor:" + key.encode(), body, "sha256")[:_SIGNATURE_BYTES]
