"""What other apps see of a source."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source. The write key is not a secret of the kind that must be hidden: it ships in web pages."""

    id: int
    name: str
    slug: str
    kind: str
    write_key: str
    enabled: bool
    created_at: datetime

    @property
    def client_side(self) -> bool:
        """Whether its events come straight from people's devices, whose address the connection tells."""
        return self.kind in ("web", "mobile")
