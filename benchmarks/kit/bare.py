"""The least an application can do with a request: read its body and say 200. What ours is measured against."""

from collections.abc import Iterable
from typing import Any

_ANSWER = b'{"success":true}'


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Read and answer."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))])
    return [_ANSWER]
