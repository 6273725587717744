"""How fast a channel may be called: one budget for an account, shared by all workers through Redis.

The generic cell rate algorithm: one number, the time at which the budget is even again. A call that would be too early
is told how long to wait, and has its place. Without Redis each process keeps a budget of its own, at a quarter of the
speed, as others may be doing the same.
"""

import threading
import time
from functools import lru_cache
from typing import Any

import redis

_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local even = tonumber(redis.call('GET', KEYS[1]) or '0')
local burst = 1.0
if even < now - burst then even = now - burst end
even = even + tonumber(ARGV[1]) / tonumber(ARGV[2])
redis.call('SET', KEYS[1], string.format('%.6f', even), 'EX', 3600)
local wait = even - now
if wait < 0 then wait = 0 end
return string.format('%.6f', wait)
"""
_WITHOUT_REDIS = 0.25


class Budget:
    """Reserves calls. Thread-safe; give it the Redis address once."""

    def __init__(self, redis_url: str) -> None:
        self._redis: Any = _client(redis_url) if redis_url else None
        self._even: dict[int, float] = {}
        self._lock = threading.Lock()

    def reserve(self, destination_id: int, *, calls: int, per_second: float) -> float:
        """Reserve `calls` and answer how many seconds to wait before making them."""
        try:
            if self._redis is not None:
                answer = self._redis.eval(_SCRIPT, 1, f"cdp:rate:{destination_id}", calls, per_second)
                return float(answer)
        except redis.RedisError:
            pass  # Redis being away must not stop deliveries: slower, and surely within the limit.
        return self._reserve_here(destination_id, calls, per_second * _WITHOUT_REDIS)

    def _reserve_here(self, destination_id: int, calls: int, per_second: float) -> float:
        with self._lock:
            now = time.monotonic()
            even = max(self._even.get(destination_id, 0.0), now) + calls / per_second
            self._even[destination_id] = even
            return max(0.0, even - now - calls / per_second)


@lru_cache(maxsize=4)
def _client(url: str) -> Any:
    return redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)


@lru_cache(maxsize=4)
def budget(redis_url: str) -> Budget:
    """The budget keeper of this process."""
    return Budget(redis_url)
