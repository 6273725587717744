"""When to try again. Pure; the random number is an argument."""

from datetime import timedelta

BASE = timedelta(seconds=2)
CAP = timedelta(minutes=10)
MAX_ATTEMPTS = 8


def pause(attempts: int, *, chance: float) -> timedelta:
    """Exponential with full jitter: anything from nothing to 2 s, 4 s, 8 s … 10 min, by `chance` in [0, 1)."""
    return min(CAP, BASE * 2 ** min(max(attempts, 1) - 1, 12)) * chance
