"""A channel on the loopback: an HTTP server in a thread that answers by script and remembers what came."""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson


@dataclass(frozen=True)
class Call:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    method: str = "POST"

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return orjson.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """How to answer. `cut` closes the connection without a word; `raw` is written as it is; `wait` is seconds."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    wait: float = 0.0
    cut: bool = False
    raw: bytes | None = None
    drip: bool = False


Script = Callable[[Call, int], Reply]


class Receiver:
    """Its script is asked for each call: with the call and how often this message came before."""

    def __init__(self, script: Script | None = None) -> None:
        self.calls: list[Call] = []
        self.script: Script = script or (lambda call, before: Reply())
        self._lock, self._closed = threading.Lock(), threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._answer(self)

            do_GET = do_PUT = do_PATCH = do_DELETE = do_POST

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_: object) -> None:
                pass  # a client that left is part of the tests

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("content-length", 0))
        body = handler.rfile.read(length)
        if len(body) < length:
            # The sender died while it was sending: a real server would not act on half a request either.
            handler.close_connection = True
            return
        call = Call(handler.path, {key.lower(): value for key, value in handler.headers.items()}, body, handler.command)
        with self._lock:
            before = sum(c.headers.get("webhook-id") == call.headers.get("webhook-id") for c in self.calls)
            self.calls.append(call)
        reply = self.script(call, before)
        self._closed.wait(reply.wait)
        if reply.cut:
            handler.connection.shutdown(socket.SHUT_RDWR)
            handler.close_connection = True
            return
        if reply.raw is not None:
            handler.wfile.write(reply.raw)
            handler.close_connection = True
            return
        handler.send_response(reply.status)
        for key, value in reply.headers.items():
            handler.send_header(key, value)
        handler.send_header("content-length", str(len(reply.body)))
        handler.end_headers()
        for part in [reply.body[i : i + 1] for i in range(len(reply.body))] if reply.drip else [reply.body]:
            handler.wfile.write(part)
            handler.wfile.flush()
            self._closed.wait(0.1 if reply.drip else 0)

    def events(self) -> list[Any]:
        """The events, each message once, in the order of their first coming."""
        return [orjson.loads(body) for body in {call.message_id: call.body for call in self.calls}.values()]

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiving(script: Script | None = None) -> Iterator[Receiver]:
    """A receiver for the length of a block."""
    receiver = Receiver(script)
    try:
        yield receiver
    finally:
        receiver.close()


def in_turn(*replies: Reply) -> Script:
    """Answer each message's first call with the first reply, and so on; the last one goes on."""

    def script(call: Call, before: int) -> Reply:
        return replies[min(before, len(replies) - 1)]

    return script


def members_at(events: Sequence[Any]) -> set[str]:
    """The profile ids that a receiver would hold after these events."""
    held: set[str] = set()
    for event in events:
        if event["type"] == "segment.member_removed":
            held.discard(event["data"]["profile_id"])
        else:
            held.add(event["data"]["profile_id"])
    return held
