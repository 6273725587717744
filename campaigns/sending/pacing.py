"""How fast a channel goes: each message takes the next place in time, and places are so far apart as the rate asks.

The places are kept in Valkey and told by its clock, so that all workers share them. A worker that is killed with a
place leaves it empty: less goes out, never more. While Valkey does not answer, a channel with a rate waits.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from functools import lru_cache
from typing import Any

import redis

from common.outside import outside_settings

log = logging.getLogger(__name__)

SLOWEST, FASTEST = 0.1, 10_000.0
# A place that is further ahead is not waited for: other channels need the thread, and this one is called again.
_PATIENCE_US = 1_000_000
# A generic cell rate algorithm without a burst. The place after the next is kept as whole microseconds: Lua would
# write a number of that size as 1.7e+15. One that is further ahead than any that is given out means that the clock
# was set back.
_NEXT_PLACE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local apart, patience = tonumber(ARGV[1]), tonumber(ARGV[2])
local place = tonumber(redis.call('GET', KEYS[1]) or '0')
if place < now or place > now + patience + apart then place = now end
if place > now + patience then return {-1, place - now} end
redis.call('SET', KEYS[1], string.format('%.0f', place + apart), 'PX', math.ceil((place + apart - now) / 1000) + 1000)
return {place, place - now}
"""


class TooSoon(Exception):
    """The next place is too far ahead to be waited for, or nobody knows where it is."""


def place_of(channel: str, per_second: float, client: "redis.Redis | None" = None) -> tuple[int, timedelta]:
    """Take the next place: its instant in microseconds by Valkey's clock, and how long it is until then.

    Raises TooSoon.
    """
    apart = round(1_000_000 / per_second)
    try:
        told: Any = (client or _client(outside_settings().redis_url)).eval(
            _NEXT_PLACE, 1, f"cdp:pace:{channel}", apart, max(_PATIENCE_US, apart)
        )
    except (redis.RedisError, OSError) as failure:
        log.warning("%s waits, as nobody knows how much it sent: Valkey does not answer (%s)", channel, failure)
        raise TooSoon from failure
    place, ahead = int(told[0]), int(told[1])
    if place < 0:
        raise TooSoon
    return place, timedelta(microseconds=ahead)


def wait_for_place(channel: str, per_second: float | None, *, wait: Callable[[float], None] = time.sleep) -> bool:
    """Wait until the channel may hand one more over; False when that is not worth waiting for."""
    if per_second is None:
        return True
    try:
        _, ahead = place_of(channel, per_second)
    except TooSoon:
        return False
    if ahead:
        wait(ahead.total_seconds())
    return True


@lru_cache(maxsize=2)
def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
