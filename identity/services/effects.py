"""What a decision changed in links and bans, recorded so that it can be undone exactly."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from identity.services import statements

Pair = tuple[int, int]
Strand = tuple[int, int, int]


def ordered(a: int, b: int) -> Pair:
    """Links and bans are stored with the smaller id first."""
    return (a, b) if a < b else (b, a)


@dataclass(slots=True)
class Effects:
    """The rows one decision really changed; what was so before is not listed, and undoing leaves it alone."""

    cursor: psycopg.Cursor[Any]
    by: str
    reason: str
    now: datetime
    asserted: list[Pair] = field(default_factory=list)
    retracted: list[Strand] = field(default_factory=list)
    banned: list[Pair] = field(default_factory=list)
    unbanned: list[Pair] = field(default_factory=list)

    def assert_links(self, pairs: Iterable[Pair], *, basis: str = "steward") -> None:
        """Assert, or assert again, that each pair is one person."""
        pairs = sorted(set(pairs))
        if pairs:
            rows = self.cursor.execute(statements.ASSERT_LINKS, self._values(pairs) | {"basis": basis})
            self.asserted += rows.fetchall()

    def retract_links(self, strands: Sequence[Strand]) -> None:
        """Take these links back; the same evidence does not bring them again."""
        if strands:
            self.cursor.execute(statements.RETRACT_LINKS, self._values(strands) | _origins(strands))
            self.retracted += strands

    def ban(self, pairs: Iterable[Pair]) -> None:
        """Say that each pair is never one person."""
        pairs = sorted(set(pairs))
        if pairs:
            self.banned += self.cursor.execute(statements.BAN, self._values(pairs)).fetchall()

    def unban(self, pairs: Sequence[Pair]) -> None:
        """Take bans back."""
        if pairs:
            self.unbanned += self.cursor.execute(statements.UNBAN, self._values(pairs)).fetchall()

    def to_json(self) -> dict[str, Any]:
        """The stored form."""
        return {
            "asserted": self.asserted,
            "retracted": self.retracted,
            "banned": self.banned,
            "unbanned": self.unbanned,
        }

    def touched(self) -> set[int]:
        """The identifiers whose components must be recomputed."""
        pairs = [*self.asserted, *self.banned, *self.unbanned, *((a, b) for a, b, _ in self.retracted)]
        return {end for pair in pairs for end in pair}

    def _values(self, pairs: Sequence[Sequence[int]]) -> dict[str, Any]:
        return {
            "a": pg.int8s([pair[0] for pair in pairs]),
            "b": pg.int8s([pair[1] for pair in pairs]),
            "by": self.by,
            "reason": self.reason,
            "now": self.now,
        }

    def revert(self, stored: dict[str, Any]) -> None:
        """Put back what a stored decision changed."""
        asserted = [(a, b, 0) for a, b in stored.get("asserted", [])]
        if asserted:
            self.retract_links(asserted)
        retracted = [(a, b, origin) for a, b, origin in stored.get("retracted", [])]
        if retracted:
            self.cursor.execute(statements.RESTORE_LINKS, self._values(retracted) | _origins(retracted))
        unbanned = [(a, b) for a, b in stored.get("unbanned", [])]
        if unbanned:
            self.cursor.execute(statements.RESTORE_BANS, self._values(unbanned))
        self.unban([(a, b) for a, b in stored.get("banned", [])])
        self.asserted += [(a, b) for a, b, _ in retracted]
        self.banned += unbanned


def _origins(strands: Sequence[Strand]) -> dict[str, Any]:
    return {"origins": pg.int4s([origin for _, _, origin in strands])}
