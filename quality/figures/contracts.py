"""What this package hands out."""

from dataclasses import dataclass
from datetime import date, datetime


class NoSuchAlert(ValueError):
    """There is no such alert, or it is settled; the message says which."""


@dataclass(frozen=True, slots=True)
class FigureView:
    """One event of one source on one day (of receipt, UTC)."""

    day: date
    source_id: int
    event: str
    volume: int
    duplicates: int
    lookalikes: int
    judged: int
    faulty: int
    set_aside: int
    delay_ms: int
    last_at: datetime
    fill: float | None = None

    @property
    def validity(self) -> float | None:
        """The share of what was judged that holds; None when nothing was judged."""
        return None if not self.judged else 1 - self.faulty / self.judged

    @property
    def delay_seconds(self) -> float | None:
        """From when it happened to when it came, on average."""
        return self.delay_ms / self.volume / 1e3 if self.volume else None


@dataclass(frozen=True, slots=True)
class FillView:
    """How often a property had something in it, of the events of a day that were looked at."""

    day: date
    source_id: int
    event: str
    path: str
    looked_at: int
    filled: int

    @property
    def share(self) -> float:
        return min(1.0, self.filled / self.looked_at) if self.looked_at else 0.0


@dataclass(frozen=True, slots=True)
class AlertView:
    """Something that is not as it used to be."""

    id: int
    kind: str
    source_id: int
    event: str
    day: date
    told: str
    state: str
    opened_at: datetime
    settled_at: datetime | None
    settled_by: str
    path: str
