"""Channels on the loopback that fail, hang, lose answers and forget, and remember what they were told."""

import json
import random
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Faults:
    """Shares of calls that go wrong; all nought is a channel in good health."""

    fail: float = 0.0
    lose_answer: float = 0.0
    hang: float = 0.0
    hang_seconds: float = 20.0


@dataclass
class Channel(ABC):
    """Who is there, and what was told. `changed_bodies`: calls that came again under their key with another content."""

    faults: Faults = field(default_factory=Faults)
    members: set[str] = field(default_factory=set)
    calls: int = 0
    repeated: int = 0
    changed_bodies: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    rolls: random.Random = field(default_factory=lambda: random.Random(11))
    _bodies: dict[str, bytes] = field(default_factory=dict)
    url: str = ""

    @abstractmethod
    def act(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        """Do what was asked; the answer's body."""

    def fault(self) -> str:
        """What goes wrong with this call, if anything."""
        with self.lock:
            self.calls += 1
            rolled = self.rolls.random()
        for name in ("fail", "lose_answer", "hang"):
            share = getattr(self.faults, name)
            if rolled < share:
                return name
            rolled -= share
        return ""

    def note(self, key: str, body: bytes) -> bool:
        """Whether this key is new. The same key must say the same."""
        if key in self._bodies:
            self.repeated += 1
            self.changed_bodies += self._bodies[key] != body
            return False
        self._bodies[key] = body
        return True


class Webhook(Channel):
    """Takes signed events; one whose id it has seen changes nothing."""

    def act(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        with self.lock:
            if self.note(headers["webhook-id"], body):
                event = json.loads(body)
                kept = self.members.discard if event["type"] == "segment.member_removed" else self.members.add
                kept(str(event["data"]["profile_id"]))
        return b"{}"


class MailingList(Channel):
    """A list of addresses that can be read back (Iterable's calls), and that loses members when told to `forget`."""

    def act(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        with self.lock:
            if path.endswith("getUsers"):
                return "\n".join(sorted(self.members)).encode()
            addresses = [one["email"] for one in json.loads(body)["subscribers"]]
            unknown = []
            if path.endswith("unsubscribe"):
                unknown = [one for one in addresses if one not in self.members]
                self.members.difference_update(addresses)
            else:
                self.members.update(addresses)
            return json.dumps({"successCount": len(addresses), "notFoundEmails": unknown}).encode()

    def forget(self, share: float) -> int:
        """Lose some members, as lists do."""
        with self.lock:
            lost = [one for one in sorted(self.members) if self.rolls.random() < share]
            self.members.difference_update(lost)
        return len(lost)


@contextmanager
def listening(*channels: Channel) -> Iterator[None]:
    """Let each channel answer at its `url`."""
    servers = [_server(channel) for channel in channels]
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


def _server(channel: Channel) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            if len(body) < length:
                # The worker was killed while it was sending: half a call tells nothing.
                self.close_connection = True
                return
            fault = channel.fault()
            if fault == "hang":
                time.sleep(channel.faults.hang_seconds)
            answer = (
                b"" if fault in ("fail", "hang") else channel.act(urlsplit(self.path).path, _lower(self.headers), body)
            )
            if fault in ("lose_answer", "hang"):
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            self.send_response(500 if fault else 200)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            pass  # a worker that was killed leaves its calls

    server = Server(("127.0.0.1", 0), Handler)
    channel.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def _lower(headers: Any) -> dict[str, str]:
    return {key.lower(): value for key, value in headers.items()}
