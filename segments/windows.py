"""How segments read time: one definition, used by the counters and by the SQL.

A window counts whole buckets: the bucket of the event against the bucket of `now`, both rounded down. Buckets are
minutes for windows under two days and hours for longer ones. An event is inside "the last 30 minutes" while
`minute(now) - minute(event) <= 30`; so nothing leaves early, and it leaves at most one bucket late. There is no upper
edge: an event whose clock runs ahead counts at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

MINUTE_US = 60_000_000
HOURLY_FROM = 2 * 24 * 60
LONGEST = 10 * 366 * 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Stands for "no date" where an array needs a number: later than every date that is computed.
NEVER_AT = datetime(9999, 1, 1, tzinfo=UTC)
NEVER = (NEVER_AT - _EPOCH).days * 24 * 60


def minute_of(moment: datetime) -> int:
    """The minute since 1970 in which `moment` lies."""
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) // 60


def moment_of(minute: int) -> datetime:
    """The instant at which a minute begins."""
    return _EPOCH + timedelta(minutes=int(minute))


@dataclass(frozen=True, slots=True)
class Window:
    """A length of time that looks back from now."""

    minutes: int

    @property
    def hourly(self) -> bool:
        return self.minutes >= HOURLY_FROM

    @property
    def step(self) -> int:
        """The minutes of a bucket."""
        return 60 if self.hourly else 1

    def opens_for(self, minute: int) -> int:
        """The first minute of `now` from which a date at `minute` is within the next `self`."""
        return minute // self.step * self.step - self.minutes

    def since(self, now_minute: int) -> int:
        """The first minute that is inside the window at `now_minute`."""
        if self.hourly:
            return (now_minute // 60 - self.minutes // 60) * 60
        return now_minute - self.minutes

    def end_of(self, minute: Any) -> Any:
        """The first minute of `now` at which an event of `minute` is outside. Works on numpy arrays too."""
        if self.hourly:
            return (minute // 60 + self.minutes // 60 + 1) * 60
        return minute + self.minutes + 1

    def to_json(self) -> dict[str, int]:
        for unit, size in (("days", 1440), ("hours", 60)):
            if self.minutes % size == 0:
                return {unit: self.minutes // size}
        return {"minutes": self.minutes}

    def __str__(self) -> str:
        ((unit, amount),) = self.to_json().items()
        return f"{amount} {unit if amount != 1 else unit[:-1]}"
