"""Write keys: finding one in a request, and whose it is."""

import base64
import binascii
import threading
import time
from collections.abc import Callable
from urllib.parse import parse_qs

from connectors.sources.contracts import SourceView

FRESH_SECONDS = 5.0
_PATIENCE_SECONDS = 0.5
_REMEMBERED_MISSES = 1_000


def key_from_header(authorization: str) -> str:
    """The user name of Basic credentials, with or without the colon; "" when there is none."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(value.strip() + "==", validate=False).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
    return decoded.partition(":")[0]


def key_from_query(query: str) -> str:
    """`?writeKey=`, the only way that sendBeacon leaves."""
    if "writeKey" not in query:
        return ""
    try:
        return parse_qs(query, max_num_fields=50).get("writeKey", [""])[0]
    except ValueError:
        return ""


class KeyRing:
    """The sources by write key, read again every few seconds, and at once for a key never heard of: libraries throw
    their events away at the first 401, so that a source must work from the moment it is made."""

    def __init__(self, load: Callable[[], list[SourceView]], *, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._load = load
        self._fresh_seconds = fresh_seconds
        self._lock = threading.Lock()
        self._by_key: dict[str, SourceView] = {}
        self._loaded_at = -1e9
        self._missed: dict[str, float] = {}

    def find(self, key: str) -> SourceView | None:
        """The enabled source of a key, or None."""
        if time.monotonic() - self._loaded_at > self._fresh_seconds or key not in self._by_key:
            self._look_again(key)
        found = self._by_key.get(key)
        return found if found is not None and found.enabled else None

    def known(self, key: str) -> SourceView | None:
        """What was known of a key when the sources were read last; asks nobody."""
        found = self._by_key.get(key)
        return found if found is not None and found.enabled else None

    def _look_again(self, key: str) -> None:
        """Read the sources, unless another thread just did or this key was looked for in vain a moment ago. Whoever
        asks meanwhile waits: the first requests with a new key come at the same time."""
        with self._lock:
            moment = time.monotonic()
            fresh = moment - self._loaded_at <= self._fresh_seconds
            if fresh and (key in self._by_key or moment - self._missed.get(key, -1e9) <= _PATIENCE_SECONDS):
                return
            self._by_key = {source.write_key: source for source in self._load()}
            self._loaded_at = moment
            self._missed.pop(key, None)
            if key not in self._by_key:
                if len(self._missed) >= _REMEMBERED_MISSES:
                    self._missed.clear()
                self._missed[key] = moment
