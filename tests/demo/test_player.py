"""The player: everything arrives, whatever the server answers first."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cdp.demo.player import PlayFailed, play


class Recorder(ThreadingHTTPServer):
    """A server that answers with the given statuses first (0 cuts the connection), then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.first: list[int] = []
        self.taken: dict[str, list[str]] = {}
        self.sizes: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.first.pop(0) if self.server.first else 200
        if status == 0:
            self.close_connection = True
            return
        if status == 200:
            key = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            self.server.taken.setdefault(key, []).extend(one["messageId"] for one in body["batch"])
            self.server.sizes.append(len(body["batch"]))
        answer = json.dumps({"success": status == 200, "refused": 0, "code": "x", "message": "no"}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[Recorder]:
    made = Recorder()
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def _messages(name: str, count: int) -> list[dict[str, str]]:
    return [{"type": "track", "event": "Seen", "messageId": f"{name}-{n}", "userId": "u1"} for n in range(count)]


def test_each_channel_arrives_whole_in_order_and_under_its_own_key(server: Recorder) -> None:
    channels = {"web": _messages("web", 250), "mobile": _messages("mobile", 30)}
    told: list[int] = []
    sent = play(base_url=server.url, channels=channels, write_keys={"web": "w", "mobile": "m"}, on_progress=told.append)
    assert server.taken == {
        f"{name[0]}:": [one["messageId"] for one in messages] for name, messages in channels.items()
    }
    assert max(server.sizes) == 100
    assert told[-1] == sum(one.messages for one in sent) == 280


@pytest.mark.parametrize("trouble", [503, 429, 500, 0])
def test_a_server_in_trouble_is_asked_again(server: Recorder, trouble: int) -> None:
    server.first = [trouble, trouble]
    play(base_url=server.url, channels={"web": _messages("web", 3)}, write_keys={"web": "w"})
    assert server.taken == {"w:": ["web-0", "web-1", "web-2"]}


def test_a_key_that_is_refused_ends_the_play(server: Recorder) -> None:
    server.first = [401]
    with pytest.raises(PlayFailed, match="401"):
        play(base_url=server.url, channels={"web": _messages("web", 3)}, write_keys={"web": "w"})
