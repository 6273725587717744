"""What this package hands out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


class BadColumns(ValueError):
    """Columns that no export can have; the message names them."""


@dataclass(frozen=True, slots=True)
class ExportView:
    """One export. `at_seq`, `rows` and `size` (bytes) are known when it is done; `available` until it expires."""

    id: int
    segment_id: int
    slug: str
    file_format: str
    columns: Sequence[str]
    personal: bool
    state: str
    job_id: int
    at_seq: int | None
    rows: int | None
    size: int | None
    error: str
    requested_by: str
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def available(self) -> bool:
        return self.state == "done"

    @property
    def file_name(self) -> str:
        return f"{self.slug}-{self.at_seq}.{self.file_format}"
