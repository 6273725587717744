"""What the ingestion API answers: JSON always, CORS headers always."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import msgspec

StartResponse = Callable[..., Any]
Environ = dict[str, Any]

_encode = msgspec.json.Encoder().encode

_CORS = [
    ("Access-Control-Allow-Origin", "*"),
    ("Access-Control-Expose-Headers", "Retry-After"),
]
# Each header is named: `*` would not cover `authorization` (Fetch standard, CORS-safelisted headers).
_PREFLIGHT = [
    ("Access-Control-Allow-Methods", "GET, POST, OPTIONS"),
    (
        "Access-Control-Allow-Headers",
        "authorization, content-type, content-encoding, x-retry-count, anonymousid, sentat, rsa-recovered,"
        " rsa-retry-attempt, rsa-retry-reason, rsa-since-last-attempt, rsa-since-first-attempt",
    ),
    ("Access-Control-Max-Age", "86400"),
]
_STATUS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class Verdict(msgspec.Struct, omit_defaults=True, gc=False):
    """What became of one item of a request."""

    index: int
    messageId: str | None
    verdict: str
    reason: str | None = None
    detail: str | None = None


class Accepted(msgspec.Struct, gc=False):
    """The body of a 200: what is in it is durable."""

    success: bool
    accepted: int
    duplicates: int
    refused: int
    items: list[Verdict]


def send(
    start: StartResponse, status: int, body: object, headers: list[tuple[str, str]] | None = None, *,
    cors: bool = True,
) -> Iterable[bytes]:  # fmt: skip
    """Answer with a JSON document. Any website may read it, unless `cors` is false and the headers say who may."""
    data = _encode(body)
    fixed = [("Content-Type", "application/json"), ("Content-Length", str(len(data))), *(_CORS if cors else ())]
    start(_STATUS[status], fixed + (headers or []))
    return [data]


def script(start: StartResponse, data: bytes, *, tag: str, known: bool) -> Iterable[bytes]:
    """Answer with a script that any website may include; nothing but the headers when it is `known` by its tag."""
    start(_STATUS[304 if known else 200], [
        ("Content-Type", "text/javascript; charset=utf-8"), ("Content-Length", str(0 if known else len(data))),
        ("Cache-Control", "public, max-age=3600"), ("ETag", tag), ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("X-Content-Type-Options", "nosniff"), *_CORS,
    ])  # fmt: skip
    return [b"" if known else data]


def error(
    start: StartResponse, status: int, code: str, message: str, headers: list[tuple[str, str]] | None = None
) -> Iterable[bytes]:
    """Answer with `code` and `message`, both of which the Python libraries need to read a failure as final."""
    return send(start, status, {"success": False, "code": code, "message": message}, headers)


def preflight(start: StartResponse) -> Iterable[bytes]:
    """Answer a browser that asks whether it may send."""
    start(_STATUS[204], [*_CORS, *_PREFLIGHT])
    return [b""]
