"""Reading a request's body without letting slow senders take every thread of the web server.

A thread that reads waits until the last byte came, as long as the sender pleases: a telephone that left its network in
the middle of a request never sends it. A few may do so. Beyond them each body has a time limit; that costs a second
thread while it is read, so nobody pays for it on a good day.
"""

import threading
from typing import Any

from connectors.sources import wire

PATIENT_READERS = 8
LIMIT_SECONDS = 10.0


class BodyReader:
    """Reads the bodies of one process: `patient` of them as slowly as they come, the others within `seconds`."""

    def __init__(self, *, patient: int = PATIENT_READERS, seconds: float = LIMIT_SECONDS) -> None:
        self._patient = patient
        self._seconds = seconds
        self._reading = 0
        self._lock = threading.Lock()

    def read(self, environ: dict[str, Any]) -> bytes:
        """The whole body. Raises BadRequest when it is too large, too short or, in a crowd, too slow."""
        with self._lock:
            self._reading += 1
            crowded = self._reading > self._patient
        try:
            return self._read_in_time(environ) if crowded else _read(environ)
        finally:
            with self._lock:
                self._reading -= 1

    def _read_in_time(self, environ: dict[str, Any]) -> bytes:
        came: list[bytes | wire.BadRequest] = []

        def read() -> None:
            try:
                came.append(_read(environ))
            except wire.BadRequest as bad:
                came.append(bad)

        reader = threading.Thread(target=read, name="slow-body", daemon=True)
        reader.start()
        reader.join(self._seconds)
        if not came:
            # The reader stays until the sender hangs up; the thread of the web server is free again.
            raise wire.BadRequest(408, "slow_body", f"The body did not arrive within {self._seconds:g} seconds.")
        if isinstance(came[0], wire.BadRequest):
            raise came[0]
        return came[0]


def _read(environ: dict[str, Any]) -> bytes:
    """The body within the size limit, whether its length is told or it comes in chunks."""
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
