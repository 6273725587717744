"""A container's health check: `python -m cdp.runner.probe web | broker | beat`. Exit code 0 is healthy."""

import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime

from cdp.environment import envint, envsecret

BEAT_KEY = "cdp:beat"
BEAT_LATE = 90.0


def web() -> bool:
    """The web server of this container answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{envint('CDP_PORT', 8000)}/healthz", timeout=4) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def broker() -> bool:
    """The broker can be reached from this container."""
    return _ask("ping") is True


def beat() -> bool:
    """A heartbeat of beat was taken by a worker not long ago."""
    text = _ask("get", BEAT_KEY)
    return bool(text) and (datetime.now(UTC) - datetime.fromisoformat(str(text))).total_seconds() < BEAT_LATE


def _ask(verb: str, *words: str) -> object:
    import redis

    client = redis.Redis.from_url(envsecret("CDP_REDIS_URL"), socket_timeout=3, decode_responses=True)
    try:
        return getattr(client, verb)(*words)
    except redis.RedisError:
        return None


PROBES: dict[str, Callable[[], bool]] = {"web": web, "broker": broker, "beat": beat}


if __name__ == "__main__":
    sys.exit(0 if PROBES[sys.argv[1]]() else 1)
