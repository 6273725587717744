"""From verdicts to what is written of each row, and to what it means for the whole destination. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.destinations.errors import DeliveryError, InvalidCredentials, Misconfigured, RateLimited, Temporary
from connectors.destinations.kit import Delivered, Skipped, Verdict
from connectors.syncs import backoff


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is written of one row. `uncounted`: this try does not count against the limit."""

    state: str
    code: str
    message: str
    next_attempt_at: datetime
    uncounted: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How the destination stands after a batch."""

    pause_reason: str = ""
    rest: timedelta | None = None
    failures_in_a_row: int = 0


def settlement(verdict: Verdict, *, attempts: int, chance: float, now: datetime) -> Settlement:
    """What one verdict means for its row."""
    if isinstance(verdict, Delivered | Skipped):
        return Settlement("delivered", verdict.code, verdict.message, now)
    if isinstance(verdict, InvalidCredentials | Misconfigured):
        # Not the row's fault: it waits until the destination is mended and resumed.
        return Settlement("pending", verdict.code, verdict.message, now, uncounted=True)
    if isinstance(verdict, Temporary):
        if attempts >= backoff.MAX_ATTEMPTS:
            message = f"{verdict.message} Given up after {attempts} tries."
            return Settlement("dead", verdict.code, message, now)
        pause = backoff.pause(attempts, chance=chance)
        if isinstance(verdict, RateLimited) and verdict.retry_after is not None:
            pause = max(pause, verdict.retry_after)
        return Settlement("pending", verdict.code, verdict.message, now + pause)
    return Settlement("failed", verdict.code, verdict.message, now)


def standing(verdicts: Sequence[Verdict], *, failures_before: int, chance: float) -> Standing:
    """Pause when the account cannot work; rest when it asked for it, or when a whole batch failed for a while.

    A dead channel is thus asked less and less often, and the rows that wait for it keep their tries.
    """
    for verdict in verdicts:
        if isinstance(verdict, InvalidCredentials | Misconfigured):
            return Standing(pause_reason=verdict.message, failures_in_a_row=failures_before)
    asked = [v.retry_after for v in verdicts if isinstance(v, RateLimited) and v.retry_after is not None]
    temporary = [verdict for verdict in verdicts if isinstance(verdict, Temporary)]
    if temporary and len(temporary) == len(verdicts):
        failures = failures_before + 1
        # At least half of the pause: a rest that may be nothing would be none.
        own = backoff.pause(failures, chance=0.5 + chance / 2)
        return Standing(rest=max([own, *asked]), failures_in_a_row=failures)
    return Standing(rest=max(asked) if asked else None)


def is_failure(verdict: Verdict) -> bool:
    """Whether the channel does not have the row."""
    return isinstance(verdict, DeliveryError)
