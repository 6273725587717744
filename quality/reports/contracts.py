"""What this package hands out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ReportView:
    """One owner's planned events in one month. Each event tells its version, whether it changed, its figures, what did
    not fit most often, and how many alerts there were."""

    id: int
    month: date
    owner: str
    events: Sequence[dict[str, Any]]
    written_at: datetime
