"""What this package hands out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class BadLimit(ValueError):
    """The limit cannot be kept; the message says why, as `field: words`."""


@dataclass(frozen=True, slots=True)
class LimitView:
    """At least one event within so many minutes of the hours that count; an empty event stands for any."""

    id: int
    source_id: int
    event: str
    minutes: int
    weekdays: Sequence[int]
    from_hour: int
    to_hour: int
    time_zone: str
    changed_by: str
    changed_at: datetime
    last_at: datetime | None
    passed: bool

    @property
    def every(self) -> str:
        """`2 hours`, `45 minutes`."""
        number, unit = (self.minutes // 60, "hour") if self.minutes % 60 == 0 else (self.minutes, "minute")
        return f"{number} {unit}{'' if number == 1 else 's'}"
