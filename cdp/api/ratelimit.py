"""A token bucket per API token, kept in Redis.

Without Redis every request is let through: a limiter that is away must not take the API with it.
"""

import logging
import math
import threading
import time
from dataclasses import dataclass

import redis
from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from cdp.api.auth import token_of
from cdp.api.problems import Problem
from cdp.environment import envint

WINDOW_SECONDS = 60
_AWAY_SECONDS = 5.0
_POLICY = '"default"'

# Redis' own clock, so that several web servers agree. Whole thousandths, as Lua numbers lose nothing there.
_TAKE = """
local now = redis.call('time')
local t = now[1] * 1000 + math.floor(now[2] / 1000)
local quota, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('hmget', KEYS[1], 'level', 'at')
local level = math.min(quota, (tonumber(kept[1]) or quota) + (t - (tonumber(kept[2]) or t)) * quota / window)
local taken = 0
if level >= 1 then level = level - 1; taken = 1 end
redis.call('hset', KEYS[1], 'level', tostring(level), 'at', t)
redis.call('pexpire', KEYS[1], window * 2)
return {taken, tostring(level)}
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bucket said: may this request pass, and what is left."""

    allowed: bool
    quota: int
    level: float

    @property
    def retry_after(self) -> int:
        """Whole seconds until one request may pass again."""
        return max(1, math.ceil((1 - self.level) * WINDOW_SECONDS / self.quota))

    @property
    def full_after(self) -> int:
        """Whole seconds until the bucket is full."""
        return math.ceil((self.quota - self.level) * WINDOW_SECONDS / self.quota)

    def headers(self) -> dict[str, str]:
        """The IETF draft's headers and the old ones, on every answer, 429 included."""
        left = int(self.level)
        found = {
            "RateLimit-Policy": f"{_POLICY};q={self.quota};w={WINDOW_SECONDS}",
            "RateLimit": f"{_POLICY};r={left};t={self.full_after}",
            "X-RateLimit-Limit": str(self.quota),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": str(self.full_after),
        }
        if not self.allowed:
            found["Retry-After"] = str(self.retry_after)
        return found


class Bucket:
    """The buckets of one Redis. After a failure it is not asked again for a few seconds, so that costs nothing."""

    def __init__(self, url: str, *, quota: int) -> None:
        self.quota = quota
        self._client = redis.Redis.from_url(url, socket_timeout=0.25, socket_connect_timeout=0.25)
        self._script = self._client.register_script(_TAKE)
        self._away_until = 0.0

    def take(self, name: str) -> Verdict | None:
        """Take one request from the bucket `name`; None when nobody can say."""
        if time.monotonic() < self._away_until:
            return None
        try:
            taken, level = self._script(keys=[f"cdp:rate:{name}"], args=[self.quota, WINDOW_SECONDS * 1000])
        except (redis.RedisError, OSError) as error:
            log.warning("rate limits are off while Redis does not answer: %s", error)
            self._away_until = time.monotonic() + _AWAY_SECONDS
            return None
        return Verdict(allowed=bool(taken), quota=self.quota, level=float(level))


_buckets: dict[tuple[str, int], Bucket] = {}
_making = threading.Lock()


def bucket(quota: int) -> Bucket:
    """The process' bucket for the configured Redis with so many requests a minute."""
    wanted = (settings.REDIS_URL, max(1, quota))
    with _making:
        if wanted not in _buckets:
            _buckets[wanted] = Bucket(wanted[0], quota=wanted[1])
        return _buckets[wanted]


class TokenBucketThrottle(BaseThrottle):
    """One bucket per token. The verdict stays on the request for the answer's headers."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        verdict = self.take(str(token_of(request).pk))
        request._request.rate_limit = verdict  # type: ignore[attr-defined]
        if verdict is not None and not verdict.allowed:
            raise Problem("rate-limited", f"Try again in {verdict.retry_after} s.", headers=verdict.headers())
        return True

    def take(self, name: str) -> Verdict | None:
        """Take one from the token's bucket."""
        return bucket(envint("CDP_API_REQUESTS_PER_MINUTE", 3000)).take(name)


class PersonaliseThrottle(TokenBucketThrottle):
    """A larger bucket of its own: pages are loaded oftener than data is read."""

    def take(self, name: str) -> Verdict | None:
        return bucket(envint("CDP_PERSONALISE_REQUESTS_PER_MINUTE", 30_000)).take(f"personalise:{name}")
