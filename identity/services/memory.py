"""What one writer remembers between its turns."""

from itertools import islice
from typing import Any

import msgspec

from identity.contracts import IdentifierKey
from identity.policy import Policy

LIMIT = 400_000


class Standing(msgspec.Struct, frozen=True, gc=False):
    """Where an identifier stands: its raw component, its profile, whether it connects nobody, when first seen.

    Hundreds of thousands are kept: 40 bytes less each than as a tuple, and made and read in a third of the time.
    """

    component: int
    profile: int
    quarantined: bool
    seen_us: int


class Memory:
    """The process cache of the one writer: valid only while `common.turns.take` says that its holder kept the turn.

    Throw it away (`forget`) whenever another holder had the turn, and after every rollback: it would hold ids that
    were never committed. Trim only after a commit: a batch under way relies on the keys it has met.
    """

    __slots__ = ("has_previous", "ids", "limit", "links", "policy", "standing")

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.forget()

    def forget(self) -> None:
        """Know nothing."""
        self.ids: dict[IdentifierKey, int] = {}
        self.standing: dict[int, Standing] = {}
        # (a, b) -> a time for which an observed link is known to be stored with this time or an earlier one
        self.links: dict[tuple[int, int], int] = {}
        self.policy: Policy | None = None
        # Until somebody sends an alias there is no previous id, and new keys need not look for a namesake.
        self.has_previous = False

    def trim(self) -> None:
        """Drop the half met longest ago once there are more than `limit` entries."""
        if len(self.ids) > self.limit:
            for key in _oldest(self.ids):
                self.standing.pop(self.ids.pop(key), None)
        if len(self.links) > self.limit:
            for pair in _oldest(self.links):
                del self.links[pair]


def _oldest(entries: dict[Any, Any]) -> list[Any]:
    return list(islice(entries, len(entries) // 2))
