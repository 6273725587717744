"""Shapes of feature files. No Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

# Outcomes within so many days after the instant: those of which features count orders.
LABEL_DAYS = (0, 30, 90, 365)


class BadTable(ValueError):
    """A feature file that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class FeatureFileView:
    """One file. `label_days` above 0 makes it a training set: with `label_orders` and `label_revenue` of the days after
    `as_of`. `size` is in bytes."""

    id: int
    features: Sequence[str]
    as_of: datetime
    segment_id: int
    label_days: int
    personal: bool
    state: str
    job_id: int
    rows: int | None
    size: int | None
    error: str
    requested_by: str
    created_at: datetime
    finished_at: datetime | None

    @property
    def available(self) -> bool:
        return self.state == "done"

    @property
    def file_name(self) -> str:
        return f"{'training' if self.label_days else 'features'}-{self.id}-{self.as_of:%Y-%m-%d}.parquet"
