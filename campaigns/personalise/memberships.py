"""What somebody is a member of, from Valkey: at most two seconds old when the answer goes out.

How that is kept. What is written carries the instant `now` of the request that read it, which was taken before the
database was asked. It is used only by requests whose own `now` lies 0 to `usable` later, and `usable` is two seconds
less the time within which a request is answered (`deciding.SECONDS`, or what the operator chose) and some room: 1.7 s.
A host whose clock is behind finds a time in its future and asks the database. Valkey itself forgets it after two
seconds, whatever clocks say. Who somebody is comes from the database at every request, never from here.
"""

import logging
import struct
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import redis

from common import clock
from segments import selectors as segments

log = logging.getLogger(__name__)

OLDEST = timedelta(seconds=2)
_FORGOTTEN_MS = 2_000
_AT = struct.Struct("<q")
_REST_SECONDS = 2.0


class Memberships:
    """The cache of one Valkey. Without it every request asks the database, which is slower and no less right."""

    def __init__(
        self, client: redis.Redis, *, usable: timedelta, read: Callable[[int], bytes] = segments.membership_bits
    ) -> None:
        self._usable = usable
        self._client = client
        self._read = read
        self._away_until = 0.0

    def of(self, profile_id: int, *, now: datetime) -> bytes:
        """The bits of `segments.selectors.membership_bits`."""
        key = f"cdp:member:{profile_id}"
        kept = self._try(lambda: self._client.get(key))
        if isinstance(kept, bytes) and len(kept) >= _AT.size:
            age = now - clock.from_micros(_AT.unpack_from(kept)[0])
            if timedelta() <= age <= self._usable:
                return kept[_AT.size :]
        bits = self._read(profile_id)
        written = _AT.pack(clock.micros(now)) + bits
        self._try(lambda: self._client.set(key, written, px=_FORGOTTEN_MS))
        return bits

    def _try(self, work: Callable[[], object]) -> object:
        if time.monotonic() < self._away_until:
            return None
        try:
            return work()
        except (redis.RedisError, OSError) as failure:
            log.warning("memberships are read from the database while Valkey does not answer: %s", failure)
            self._away_until = time.monotonic() + _REST_SECONDS
            return None
