"""`Idempotency-Key`: a POST that is repeated with its key does its work once and gets the first answer again.

The unique row (token, key) in PostgreSQL decides who runs; it is written before the work and completed after it. The
answer is kept encrypted: it may hold people, or a secret that is shown once.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.db import connection
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import token_of
from cdp.api.models import IdempotentAnswer
from cdp.api.problems import CONTENT_TYPE, Problem, answer, from_exception
from common import clock, crypto

KEPT = timedelta(hours=24)
# A worker that died has left its row running: after this long another try may take it over.
LEASE = timedelta(minutes=2)

_CLAIM = """
insert into api_idempotentanswer (token_id, key, fingerprint, started_at, expires_at, content_type, location, body)
values (%(token)s, %(key)s, %(fingerprint)s, %(now)s, %(expires)s, '', '', '')
on conflict (token_id, key) do update
set fingerprint = excluded.fingerprint, started_at = excluded.started_at, expires_at = excluded.expires_at,
    status = null, content_type = '', location = '', body = ''
where api_idempotentanswer.expires_at <= %(now)s
   or (api_idempotentanswer.status is null and api_idempotentanswer.started_at <= %(lease)s
       and api_idempotentanswer.fingerprint = excluded.fingerprint)
returning id
"""
_SWEEP = """
delete from api_idempotentanswer
where id in (select id from api_idempotentanswer where expires_at <= %(now)s order by expires_at limit 100
             for update skip locked)
"""

Handler = Callable[..., Response]


def idempotent(handler: Handler) -> Callable[..., HttpResponse]:
    """Make a view's POST method repeatable under its `Idempotency-Key`. Without the header nothing changes."""

    @wraps(handler)
    def repeatable(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return handler(view, request, *args, **kwargs)
        _check(key)
        fingerprint = _fingerprint(request)
        row_id = _claim(token_of(request).pk, key, fingerprint, now=clock.now())
        if row_id is None:
            return _replay(token_of(request).pk, key, fingerprint)
        return _run(row_id, request, lambda: handler(view, request, *args, **kwargs))

    repeatable.takes_idempotency_key = True  # type: ignore[attr-defined]
    return repeatable


def _check(key: str) -> None:
    if not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        raise Problem("idempotency-key-invalid")


def _fingerprint(request: Request) -> str:
    """Of method, full address and the exact bytes of the body."""
    head = json.dumps([request.method, request.get_full_path()]).encode()
    return hashlib.sha256(head + b"\n" + request.body).hexdigest()


def _claim(token_id: int, key: str, fingerprint: str, *, now: datetime) -> int | None:
    """The row's id when this request is the one to run; None when another one was first."""
    with connection.cursor() as cursor:
        cursor.execute(_SWEEP, {"now": now})
        cursor.execute(
            _CLAIM,
            {
                "token": token_id, "key": key, "fingerprint": fingerprint, "now": now, "expires": now + KEPT,
                "lease": now - LEASE,
            },
        )  # fmt: skip
        row = cursor.fetchone()
    return row[0] if row else None


def _replay(token_id: int, key: str, fingerprint: str) -> HttpResponse:
    kept = IdempotentAnswer.objects.filter(token_id=token_id, key=key).first()
    if kept is None:  # the first try failed on our side a moment ago and gave its key back
        raise Problem("request-in-progress", headers={"Retry-After": "1"})
    if kept.fingerprint != fingerprint:
        raise Problem("idempotency-key-reused")
    if kept.status is None:
        raise Problem("request-in-progress", headers={"Retry-After": "1"})
    try:
        body = crypto.decrypt(bytes(kept.body).decode())
    except crypto.CannotDecrypt as error:
        raise Problem(
            "idempotency-key-reused",
            detail="The first answer was kept under another CDP_SECRET_KEY and is not readable.",
        ) from error
    headers = {"Idempotent-Replayed": "true"} | ({"Location": kept.location} if kept.location else {})
    return HttpResponse(body, status=kept.status, content_type=kept.content_type, headers=headers)


def _run(row_id: int, request: Request, work: Callable[[], Response]) -> Response:
    """Do the work and keep its answer. An error on our side gives the key back: repeating is then the right thing."""
    rows = IdempotentAnswer.objects.filter(pk=row_id)
    try:
        response = work()
    except Exception as error:
        response = answer(from_exception(error), request)
    if response.status_code >= 500:
        rows.delete()
        return response
    rows.update(
        status=response.status_code,
        content_type=CONTENT_TYPE if response.status_code >= 400 else "application/json",
        location=response.headers.get("Location", ""),
        body=crypto.encrypt(JSONRenderer().render(response.data).decode()).encode(),
    )
    return response
