"""The ingestion API: wire-compatible with Segment's HTTP Tracking API and RudderStack's. A WSGI application.

It stands apart from Django's middleware, which would cost as much as the work itself. A 200 means that the events are
durable in PostgreSQL; bad input is answered with 4xx or a verdict, never with 5xx.
"""

import hashlib
import logging
import queue
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import zstandard

from common import clock, pg
from connectors.sources import documents, visitor_cookie, wire
from connectors.sources.answers import Accepted, Environ, StartResponse, Verdict, error, preflight, script, send
from connectors.sources.contracts import IpKept, SourceView
from connectors.sources.identity import usable
from connectors.sources.keys import FRESH_SECONDS, KeyRing, key_from_header, key_from_query
from connectors.sources.recent import RecentMessages
from connectors.sources.selectors import sources
from events.services import Setback, quarantine, store

log = logging.getLogger(__name__)

_CALLS = ("track", "identify", "page", "screen", "group", "alias")
SINGLE_PATHS = {f"/v1/{call}": call for call in _CALLS} | {f"/v1/{call[0]}": call for call in _CALLS}
BATCH_PATHS = frozenset({"/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"})
_SCRIPT_PATH = "/cdp.js"
_SCRIPT = Path(__file__).with_name("cdp.js").read_bytes()
_SCRIPT_TAG = f'"{hashlib.blake2b(_SCRIPT, digest_size=12).hexdigest()}"'
_OTHER_PATHS = frozenset({"/v1/m", "/sourceConfig", "/sourceConfig/", _SCRIPT_PATH})
_PROJECTS = "/v1/projects/"
# Some libraries give up after two seconds of errors: a database that restarts is waited for instead.
_PATIENCE_SECONDS = 8.0
# Threads beyond these wait their turn: more connections would not make the disk faster.
_WRITERS = 8


def serves(path: str) -> bool:
    """Whether this application answers at `path`."""
    return path.startswith(("/v1/", "/beacon/")) or path in _OTHER_PATHS


class _Writer:
    """What a request borrows to be stored: a connection, kept open, and a compressor. Of one thread at a time."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] | None = None
        self.compressor = zstandard.ZstdCompressor(level=1)

    def connection(self) -> psycopg.Connection[Any]:
        """The open connection; opens one when there is none."""
        if self._connection is None or self._connection.closed:
            self._connection = pg.connect(autocommit=True)
        return self._connection

    def close(self) -> None:
        """Let go of the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


class Ingestion:
    """Answers the paths of the SDKs. `nudge` is called after each durable insert; `behind_proxy` says whether
    X-Forwarded headers may be believed; a change to a source is seen here after `key_seconds` at the latest."""

    def __init__(
        self, *, nudge: Callable[[], None], behind_proxy: bool = False, key_seconds: float = FRESH_SECONDS
    ) -> None:
        self._nudge = nudge
        self._behind_proxy = behind_proxy
        self._keys = KeyRing(sources, fresh_seconds=key_seconds)
        self._recent = RecentMessages()
        # The queue is written in C: a turn costs less than a microsecond.
        self._writers: queue.SimpleQueue[_Writer] = queue.SimpleQueue()
        for _ in range(_WRITERS):
            self._writers.put(_Writer())

    def __call__(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method == "OPTIONS":
            return preflight(start)
        try:
            if method == "POST":
                return self._post(environ, start, path)
            if method in ("GET", "HEAD"):
                return self._get(environ, start, path)
        except wire.BadRequest as bad:
            return error(start, bad.status, bad.code, bad.message)
        except psycopg.OperationalError as failure:
            log.error("ingestion cannot reach the database: %s", failure)
            message = "The database cannot be reached; nothing was stored. Send the request again."
            return error(start, 503, "unavailable", message, [("Retry-After", "2")])
        return error(start, 405, "method_not_allowed", f"{method} is not possible here; use POST.")

    def _post(self, environ: Environ, start: StartResponse, path: str) -> Iterable[bytes]:
        if path == "/v1/m":
            return send(start, 200, {"success": True})
        if path == visitor_cookie.PATH:
            return self._visitor(environ, start)
        call = SINGLE_PATHS.get(path)
        if call is None and path not in BATCH_PATHS:
            return error(start, 404, "not_found", f"There is no {path}. Send events to /v1/batch or /v1/track.")
        body = wire.unpack(_body(environ), encoding=environ.get("HTTP_CONTENT_ENCODING", "").lower())
        reading = (
            wire.read_single(body, event_type=call, usable=usable) if call else wire.read_batch(body, usable=usable)
        )
        source = self._source(environ, reading.write_key)
        if source is None:
            return error(start, 401, "invalid_write_key", "The write key is missing, unknown or disabled.")
        if source.reads_request and reading.message_ids:
            reading.document = wire.with_received(
                reading.document, user_agent=environ.get("HTTP_USER_AGENT", ""),
                language=environ.get("HTTP_ACCEPT_LANGUAGE", ""),
            )  # fmt: skip
        return send(start, 200, self._accept(reading, source, self._client_ip(environ, source), clock.now()))

    def _accept(self, reading: wire.Reading, source: SourceView, client_ip: str | None, now: datetime) -> Accepted:
        self._keep(reading, source, client_ip, now)
        repeats = self._recent.note(source.id, reading.message_ids)
        self._nudge()
        items = [
            Verdict(index, message_id, "duplicate" if repeat else "accepted")
            for index, message_id, repeat in zip(reading.indexes, reading.message_ids, repeats, strict=True)
        ]
        for refused in reading.refused:
            why = refused.refusal
            items.append(Verdict(refused.index, refused.message_id, "refused", why.reason, why.detail))
        if reading.refused:
            items.sort(key=lambda item: item.index)
        duplicates = sum(repeats)
        return Accepted(True, len(reading.message_ids) - duplicates, duplicates, len(reading.refused), items)

    def _keep(self, reading: wire.Reading, source: SourceView, client_ip: str | None, now: datetime) -> None:
        """Store what was accepted and quarantine what was refused, durably, waiting for a database that restarts."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                with self._writer() as writer:
                    return self._keep_once(writer, reading, source, client_ip, now)
            except psycopg.OperationalError:
                # The insert may have been durable when the connection broke: then the applier drops the repeat.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _keep_once(
        self, writer: _Writer, reading: wire.Reading, source: SourceView, client_ip: str | None, now: datetime
    ) -> None:
        conn = writer.connection()

        def keep_accepted() -> None:
            store(
                conn, source_id=source.id, document=reading.document, events=len(reading.message_ids),
                client_ip=client_ip, received_at=now, compressor=writer.compressor,
            )  # fmt: skip

        if not reading.refused:
            return keep_accepted() if reading.message_ids else None
        with conn.transaction():
            quarantine(conn, _setbacks(reading, source), stage="accept", received_at=now)
            if reading.message_ids:
                keep_accepted()
        return None

    def _visitor(self, environ: Environ, start: StartResponse) -> Iterable[bytes]:
        """The anonymous id of a browser, kept in a cookie of this server."""
        query, origin = environ.get("QUERY_STRING", ""), environ.get("HTTP_ORIGIN", "")
        source = self._source(environ, None)
        if source is None:
            return error(start, 401, "invalid_write_key", "The write key is missing, unknown or disabled.")
        if not visitor_cookie.may_ask(source, origin):
            message = f"{origin[:200] or 'The page'} is none of the websites that this source lists on its tab Privacy."
            return error(start, 403, "origin_not_allowed", message)
        body = _body(environ) if environ.get("CONTENT_LENGTH") else b""
        visitor = visitor_cookie.visitor_id(source, cookies=environ.get("HTTP_COOKIE", ""), query=query, body=body)
        headers = visitor_cookie.headers(source, visitor, origin=origin, secure=self._scheme(environ) == "https")
        return send(start, 200, {"anonymousId": visitor}, headers, cors=False)

    def _get(self, environ: Environ, start: StartResponse, path: str) -> Iterable[bytes]:
        if path.startswith(_PROJECTS) and path.endswith("/settings"):
            source = self._keys.find(path[len(_PROJECTS) : -len("/settings")])
            if source is None:
                return error(start, 404, "invalid_write_key", "There is no source with this write key.")
            host, scheme = environ.get("HTTP_HOST", "localhost"), self._scheme(environ)
            return send(start, 200, documents.segment_settings(source, host=host, scheme=scheme))
        if path.startswith("/sourceConfig"):
            source = self._source(environ, None)
            if source is None:
                return error(start, 401, "invalid_write_key", "The write key is missing, unknown or disabled.")
            return send(start, 200, documents.rudder_source_config(source))
        if path == _SCRIPT_PATH:
            known = _SCRIPT_TAG in environ.get("HTTP_IF_NONE_MATCH", "")
            return script(start, _SCRIPT, tag=_SCRIPT_TAG, known=known)
        if path in SINGLE_PATHS or path in BATCH_PATHS or path in ("/v1/m", visitor_cookie.PATH):
            return error(start, 405, "method_not_allowed", "Send events with POST.")
        return error(start, 404, "not_found", f"There is no {path}.")

    def _source(self, environ: Environ, body_key: str | None) -> SourceView | None:
        key = key_from_header(environ.get("HTTP_AUTHORIZATION", "")) or body_key
        return self._keys.find(key or key_from_query(environ.get("QUERY_STRING", "")))

    def _client_ip(self, environ: Environ, source: SourceView) -> str | None:
        if not source.client_side or source.ip_kept == IpKept.OFF:
            return None
        if self._behind_proxy and environ.get("HTTP_X_FORWARDED_FOR"):
            address = str(environ["HTTP_X_FORWARDED_FOR"]).rpartition(",")[2].strip()
        else:
            address = str(environ.get("REMOTE_ADDR", ""))
        return address if address and set(address) <= set("0123456789abcdefABCDEF.:") else None

    def _scheme(self, environ: Environ) -> str:
        if self._behind_proxy and environ.get("HTTP_X_FORWARDED_PROTO") in ("http", "https"):
            return str(environ["HTTP_X_FORWARDED_PROTO"])
        return str(environ.get("wsgi.url_scheme", "http"))

    @contextmanager
    def _writer(self) -> Iterator[_Writer]:
        """One of the few writers, for the time of one insert; its connection is kept unless the insert failed."""
        writer = self._writers.get()
        try:
            yield writer
        except psycopg.OperationalError:
            writer.close()
            raise
        finally:
            self._writers.put(writer)

    def close(self) -> None:
        """Close the connections; the next request opens another. Call it when no request is being answered."""
        for _ in range(_WRITERS):
            with self._writer() as writer:
                writer.close()


def _setbacks(reading: wire.Reading, source: SourceView) -> list[Setback]:
    return [
        Setback(source.id, one.refusal.reason, one.refusal.detail, one.message_id or "", one.raw)
        for one in reading.refused
    ]


def _body(environ: Environ) -> bytes:
    """The request's body within the limit, whether its length is told or it comes in chunks.

    A thread waits here as long as the sender pleases; the web server has spare ones for that. To answer a slow sender
    while another thread reads is no way out: the server closes the body with the interpreter's lock in hand, and the
    whole process stands still until the sender hangs up (seen with Granian 2.8.7).
    """
    stream = environ["wsgi.input"]
    try:
        length = int(environ.get("CONTENT_LENGTH") or -1)
    except ValueError:
        length = -1
    if length > wire.MAX_BODY:
        raise wire.BadRequest(413, "body_too_large", f"The body is larger than {wire.MAX_BODY >> 20} MB.")
    body: bytes = stream.read(length if length >= 0 else wire.MAX_BODY + 1)
    if len(body) > wire.MAX_BODY:
        raise wire.BadRequest(413, "body_too_large", f"The body is larger than {wire.MAX_BODY >> 20} MB.")
    if length > 0 and len(body) < length:
        raise wire.BadRequest(400, "incomplete_body", "The body ended before its stated length.")
    return body
