"""A caller of the ingestion API in this process: a WSGI request in, status, headers and JSON out."""

import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    json: Any


class Caller:
    """Calls a WSGI application as a library would."""

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(
        self, method: str, path: str, body: object = b"", *, query: str = "", headers: dict[str, str] | None = None,
        content_type: str = "text/plain",
    ) -> Answer:  # fmt: skip
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(raw)),
            "CONTENT_TYPE": content_type,
            "REMOTE_ADDR": "192.0.2.7",
            "HTTP_HOST": "cdp.example.com",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(raw),
        }
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in (headers or {}).items()}
        seen: dict[str, Any] = {}

        def start(status: str, response_headers: list[tuple[str, str]]) -> None:
            seen["status"], seen["headers"] = int(status.split()[0]), dict(response_headers)

        data = b"".join(self._application(environ, start))
        return Answer(seen["status"], seen["headers"], json.loads(data) if data else None)
