"""What slots show, asked by browsers: `POST /v1/personalise`. A WSGI application beside Django, as ingestion is.

The write key of a website is public, so this answers little: slots that are public and list the source, for the
anonymous id that only the person's own browser knows, and of each its content. Why it is shown is not told.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
import psycopg
from django.db import Error as DatabaseError

from campaigns import services
from campaigns.contracts import Answer, Asked, SlotView, Unavailable
from cdp.api.ratelimit import Bucket, bucket
from cdp.environment import envint
from common import clock
from common.patience import Away, Patience
from connectors.selectors import sources
from connectors.sources.answers import Environ, StartResponse, error, preflight, send
from connectors.sources.contracts import SourceView
from connectors.sources.keys import KeyRing
from identity import services as identity

PATH = "/v1/personalise"
_MOST_BYTES = 16_000


class _Body(msgspec.Struct):
    writeKey: str
    anonymousId: str
    slots: list[str]
    context: dict[str, str | int | float | bool | None] = {}


_decode = msgspec.json.Decoder(_Body).decode


class Personal:
    """Answers `PATH`. `nudge` is called after an exposure was stored; `salt` hides addresses in the names of rate
    limits; `behind_proxy` says whether X-Forwarded-For may be believed."""

    def __init__(self, *, nudge: Callable[[], None], salt: str, behind_proxy: bool = False) -> None:
        self._nudge = nudge
        self._salt = salt.encode()[:64]
        self._behind_proxy = behind_proxy
        self._patience = Patience(seconds=0.5, threads=1, failures=(DatabaseError, psycopg.Error, OSError))
        self._keys = KeyRing(sources)

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        method = environ["REQUEST_METHOD"]
        if method == "OPTIONS":
            return preflight(start)
        if method != "POST":
            return error(start, 405, "method_not_allowed", f"{method} is not possible here; use POST.")
        try:
            asked = _decode(_read(environ))
        except (ValueError, msgspec.MsgspecError) as wrong:
            return error(start, 400, "invalid_body", f"Give writeKey, anonymousId and slots as JSON: {wrong}.")
        try:
            source = self._source(asked.writeKey)
        except Away as why:
            return error(start, 503, "unavailable", f"The write key cannot be looked up. {why}", [("Retry-After", "2")])
        if source is None:
            return error(start, 401, "invalid_write_key", "The write key is missing, unknown or disabled.")
        origin = environ.get("HTTP_ORIGIN", "")
        if source.origins and origin.lower() not in source.origins:
            message = f"{origin[:200] or 'The page'} is none of the websites that this source lists on its tab Privacy."
            return error(start, 403, "origin_not_allowed", message)
        wait = self._wait(environ, source)
        if wait:
            message = f"Too many requests. Try again in {wait} s."
            return error(start, 429, "rate_limited", message, [("Retry-After", str(wait))])
        return self._answer(start, asked, source)

    def _answer(self, start: StartResponse, asked: _Body, source: SourceView) -> Iterable[bytes]:
        visitor = identity.standardise("anonymous_id", asked.anonymousId)
        try:
            known = services.slots_known()
            allowed = tuple(one for one in asked.slots[:50] if one in known and _may_ask(source, known[one]))
            keys = (("anonymous_id", visitor),) if visitor else ()
            answers = services.personalise(Asked(allowed, keys, asked.context), now=clock.now())
        except Unavailable as why:
            return error(start, 503, "unavailable", str(why), [("Retry-After", "2")])
        if any(one.exposed for one in answers):
            self._nudge()
        return send(start, 200, {"slots": {one.slot: _told(one) for one in answers}}, [("Cache-Control", "no-store")])

    def _source(self, key: str) -> SourceView | None:
        """The source of a key; the last that is known of it while the database is away. Raises Away."""
        try:
            first = self._keys.known(key) is None
            return self._patience.ask(lambda: self._keys.find(key), seconds=5.0 if first else 0.0)
        except Away:
            known = self._keys.known(key)
            if known is None:
                raise
            return known

    def _wait(self, environ: Environ, source: SourceView) -> int:
        """Seconds until this address or this source may ask again; 0 when it may now."""
        address = hashlib.blake2b(self._address(environ).encode(), key=self._salt, digest_size=12).hexdigest()
        buckets: Mapping[str, Bucket] = {
            f"visitor:{address}": bucket(envint("CDP_VISITOR_REQUESTS_PER_MINUTE", 600)),
            f"site:{source.id}": bucket(envint("CDP_PERSONALISE_REQUESTS_PER_MINUTE", 30_000)),
        }
        for name, one in buckets.items():
            verdict = one.take(name)
            if verdict is not None and not verdict.allowed:
                return verdict.retry_after
        return 0

    def _address(self, environ: Environ) -> str:
        if self._behind_proxy and environ.get("HTTP_X_FORWARDED_FOR"):
            return str(environ["HTTP_X_FORWARDED_FOR"]).rpartition(",")[2].strip()
        return str(environ.get("REMOTE_ADDR", ""))

    def close(self) -> None:
        """End its thread; the next request starts another."""
        self._patience.let_go()


def _may_ask(source: SourceView, slot: SlotView) -> bool:
    return slot.document.public and source.id in slot.document.sources


def _told(answer: Answer) -> dict[str, Any]:
    content = dict(answer.content)
    if answer.recommendations:
        # Why an item is recommended tells of the person.
        content["items"] = [{name: one[name] for name in one if name != "reason"} for one in answer.recommendations]
    return {"content": content, "fallback": answer.fallback}


def _read(environ: Environ) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= _MOST_BYTES:
        raise ValueError(f"send a body of at most {_MOST_BYTES} bytes with its length")
    body: bytes = environ["wsgi.input"].read(length)
    return body
