"""`POST /api/v1/personalise` beside Django, for servers that render a page meanwhile.

The plain case is answered here: a body that is as documented, a token that may ask, a bucket that is not empty.
Anything else, and whatever goes wrong, is judged by the API's view, which gets the request as it came. So there is one
place that says what is refused and how, and a test holds the answers of both equal.
"""

import io
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import msgspec

from campaigns import services
from campaigns.contracts import Asked, Unavailable
from cdp.api.enduring import find_token
from cdp.api.problems import Problem
from cdp.api.ratelimit import PersonaliseThrottle, Verdict
from cdp.api.views.base import request_id_of
from cdp.api.views.personalise import keys_of, told
from common import access, clock
from common.models import ApiToken

log = logging.getLogger(__name__)

PATH = "/api/v1/personalise"
_MOST_BYTES = 64_000
_JSON = ("application/json", "application/json; charset=utf-8")
_ACCEPTED = {"", "*/*", "application/json"}
# What a database cannot hold is written with one of these; the view looks closer.
_ESCAPES = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_FIXED = [
    ("Content-Type", "application/json"), ("Cache-Control", "private, no-cache"), ("Vary", "Accept"),
    ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "same-origin"),
]  # fmt: skip

_Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=600)]
_Slug = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    identifiers: Annotated[list[_Identifier], msgspec.Meta(max_length=10)]
    slots: Annotated[list[_Slug], msgspec.Meta(min_length=1, max_length=50)]
    context: dict[str, Any] = {}
    expose: bool = True


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Direct:
    """Answers `PATH`; `view` is the application that has the API's view. `nudge` is called after an exposure was
    stored."""

    def __init__(self, view: Application, *, nudge: Callable[[], None]) -> None:
        self._view = view
        self._nudge = nudge
        self._throttle = PersonaliseThrottle()

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        try:
            answered = self._plain(environ, now=clock.now())
        except (Problem, Unavailable, msgspec.MsgspecError, ValueError):
            answered = None
        except Exception:
            log.exception("a request for slots goes to the view")
            answered = None
        if answered is None:
            return self._view(environ, start)
        data, verdict = answered
        named = request_id_of({
            "X-Request-Id": environ.get("HTTP_X_REQUEST_ID", ""), "traceparent": environ.get("HTTP_TRACEPARENT", ""),
        })  # fmt: skip
        limits = list(verdict.headers().items()) if verdict else []
        body = _encode({"data": data})
        start("200 OK", [*_FIXED, ("Content-Length", str(len(body))), ("X-Request-Id", named), *limits])
        return [body]

    def _plain(self, environ: Environ, *, now: datetime) -> tuple[list[dict[str, Any]], Verdict | None] | None:
        """The answers with what is left in the bucket, or None where the view has to look."""
        asked = _asked(environ)
        token = _token(environ, now=now) if asked else None
        if asked is None or token is None or not access.allows(token, "personalise"):
            return None
        verdict = self._throttle.take(str(token.pk))
        if verdict is not None and not verdict.allowed:
            return None
        answers = services.personalise(asked, now=now)
        if any(one.exposed for one in answers):
            self._nudge()
        return [told(one) for one in answers], verdict


def _asked(environ: Environ) -> Asked | None:
    """What a plain request asks for. The body can be read again afterwards."""
    if not _is_plain(environ):
        return None
    body: bytes = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    environ["wsgi.input"] = io.BytesIO(body)
    if _ESCAPES.search(body):
        return None
    wanted = _decode(body)
    if any(one != one.strip() for one in (*wanted.identifiers, *wanted.slots)):
        return None
    return Asked(tuple(wanted.slots), tuple(keys_of(wanted.identifiers)), wanted.context, wanted.expose)


def _is_plain(environ: Mapping[str, Any]) -> bool:
    length = str(environ.get("CONTENT_LENGTH") or "")
    accepted = {one.strip() for one in str(environ.get("HTTP_ACCEPT", "")).split(",")}
    return (
        environ["REQUEST_METHOD"] == "POST" and not environ.get("QUERY_STRING")
        and length.isascii() and length.isdigit() and 0 < int(length) <= _MOST_BYTES
        and str(environ.get("CONTENT_TYPE", "")).lower() in _JSON and bool(accepted & _ACCEPTED)
    )  # fmt: skip


def _token(environ: Mapping[str, Any], *, now: datetime) -> ApiToken | None:
    word, _, text = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    if word.lower() != "bearer" or not text.isascii() or not text.isprintable() or " " in text:
        return None
    return find_token(text, now=now)
