"""What other apps see of a source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IpKept(StrEnum):
    """How much of the address of people's devices is kept."""

    OFF = "off"
    TRUNCATED = "truncated"
    FULL = "full"


class Robots(StrEnum):
    """What becomes of items that robots send."""

    ALLOW = "allow"
    FLAG = "flag"
    DROP = "drop"


class InvalidHandling(ValueError):
    """A source cannot be set so; the message says why. `field` names what is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


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
    ip_kept: IpKept = IpKept.FULL
    fill_in: bool = False
    robots: Robots = Robots.ALLOW
    origins: Sequence[str] = ()

    @property
    def client_side(self) -> bool:
        """Whether its events come straight from people's devices, whose address the connection tells."""
        return self.kind in ("web", "mobile")

    @property
    def reads_request(self) -> bool:
        """Whether what the request told of the device is needed."""
        return self.client_side and (self.fill_in or self.robots != Robots.ALLOW)
