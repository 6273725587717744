"""A proxy on loopback that spoils the first answers, as networks do."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FAULTS = ("none", "server_error", "cut_after_storing")


class FaultyProxy(ThreadingHTTPServer):
    """Forwards to `target`; the first `count` event posts meet the fault instead of their answer."""

    daemon_threads = True

    def __init__(self, *, target: int, fault: str, count: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.fault, self.left = target, fault, count
        self.lock = threading.Lock()
        self.spoiled = 0

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spoil_this(self, method: str, path: str) -> bool:
        """Whether this request is one of those that meet the fault."""
        with self.lock:
            if method != "POST" or path.startswith("/v1/m") or self.fault == "none" or self.left == 0:
                return False
            self.left -= 1
            self.spoiled += 1
            return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyProxy

    def _handle(self) -> None:
        body = self._body()
        spoiled = self.server.spoil_this(self.command, self.path)
        if spoiled and self.server.fault == "server_error":
            self._answer(500, [("Access-Control-Allow-Origin", "*")], b'{"code":"broken","message":"try again"}')
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=180)
        upstream.request(self.command, self.path, body, dict(self.headers))
        response = upstream.getresponse()
        data = response.read()
        upstream.close()
        if spoiled:
            self.close_connection = True
            self.connection.close()
            return
        self._answer(response.status, response.getheaders(), data)

    do_GET = do_POST = do_OPTIONS = do_HEAD = _handle  # noqa: N815 — http.server names them so

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the name is http.server's
        """Quiet."""


@contextmanager
def proxy(*, target: int, fault: str, count: int) -> Iterator[FaultyProxy]:
    """A running proxy."""
    server = FaultyProxy(target=target, fault=fault, count=count)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
