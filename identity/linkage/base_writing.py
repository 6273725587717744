"""What a bulk run writes: links and withdrawals in small transactions, each with the note that lets it be undone."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from django.db import transaction

from common import pg, turns
from identity.graph import Pair
from identity.linkage import records, statements
from identity.services.matches import Match, link_matches
from identity.services.settle import After, Settled

_HOLDER = "linkage"
# Two ends, probability and evidence.
Scored = tuple[int, int, float, str]


@dataclass(frozen=True, slots=True)
class Batch:
    """Links to make and matched links to withdraw, by identifiers."""

    matches: Sequence[Scored] = field(default_factory=tuple)
    withdrawn: Sequence[Pair] = field(default_factory=tuple)


class Writer:
    """Writes for one run. A batch is one transaction, so a run that dies has done whole batches and can go on."""

    BATCH = 500

    def __init__(self, run_id: int, *, now: datetime, after: After | None) -> None:
        self._run_id, self._now, self._after = run_id, now, after

    def write(self, batch: Batch) -> None:
        """Link and withdraw. A pair that somebody has decided since the base was read is left alone."""
        with transaction.atomic():
            conn = pg.raw()
            turns.take(conn, _HOLDER)
            cursor = psycopg.Cursor(conn)
            banned = _settled(cursor, [(a, b) for a, b, _, _ in batch.matches])
            matches = [Match(*one) for one in batch.matches if (one[0], one[1]) not in banned]
            self._note(cursor, matches, batch.withdrawn)
            settled = link_matches(
                conn, matches=matches, withdrawn=batch.withdrawn, basis=f"linkage run {self._run_id}", now=self._now
            )
            self._follow(conn, cursor, settled)

    def _note(self, cursor: psycopg.Cursor[Any], matches: Collection[Match], withdrawn: Sequence[Pair]) -> None:
        cursor.execute(
            statements.NOTE_LINKED,
            {"run": self._run_id, "a": pg.int8s([m.a for m in matches]), "b": pg.int8s([m.b for m in matches])},
        )
        cursor.execute(
            statements.NOTE_WITHDRAWN,
            {"run": self._run_id, "a": pg.int8s([a for a, _ in withdrawn]), "b": pg.int8s([b for _, b in withdrawn])},
        )

    def _follow(self, conn: psycopg.Connection[Any], cursor: psycopg.Cursor[Any], settled: Settled) -> None:
        records.forget(cursor, settled.retired)
        cursor.execute(statements.MARK_DUE, {"ids": pg.int8s(sorted(settled.traits_changed))})
        if self._after is not None and (settled.moved or settled.traits_changed):
            self._after(conn, list(settled.moved), set(settled.traits_changed))

    def ask(self, questions: Sequence[Scored]) -> None:
        """Put pairs into the review queue, by the profiles their pieces belong to now."""
        with transaction.atomic():
            conn = pg.raw()
            turns.borrow(conn)
            cursor = psycopg.Cursor(conn)
            banned = _settled(cursor, [(a, b) for a, b, _, _ in questions])
            asked = [one for one in questions if (one[0], one[1]) not in banned]
            cursor.execute(
                statements.WRITE_REVIEWS,
                {
                    "a": pg.int8s([a for a, _, _, _ in asked]),
                    "b": pg.int8s([b for _, b, _, _ in asked]),
                    "probabilities": pg.float8s([chance for _, _, chance, _ in asked]),
                    "weights": pg.jsonbs([text for _, _, _, text in asked]),
                    "now": self._now,
                },
            )

    def undo(self, run_id: int) -> dict[str, int]:
        """Withdraw what a run linked and link again what it withdrew; what others changed since stays as it is."""
        cursor = pg.cursor()
        rows = cursor.execute(statements.NOTED, {"run": run_id}).fetchall()
        linked = [(a, b) for a, b, added, _, _ in rows if added]
        again = [(a, b, chance or 0.0, kept or "{}") for a, b, added, chance, kept in rows if not added]
        _in_batches(linked, lambda part: self.write(Batch(withdrawn=part)))
        _in_batches(again, lambda part: self.write(Batch(matches=part)))
        return {"added": len(again), "removed": len(linked)}


def _in_batches(rows: Sequence[Any], work: Callable[[Sequence[Any]], None]) -> None:
    for start in range(0, len(rows), Writer.BATCH):
        work(rows[start : start + Writer.BATCH])


def _settled(cursor: psycopg.Cursor[Any], pairs: Sequence[Pair]) -> set[Pair]:
    """Those of these pairs of identifiers whose profiles somebody has decided about, or that are one already."""
    ends = {"ids": pg.int8s(sorted({end for pair in pairs for end in pair}))}
    profile_of = dict(cursor.execute(statements.PROFILE_OF, ends).fetchall())
    decided = set(cursor.execute(statements.DECIDED_AGAINST, {"ids": pg.int8s(sorted(set(profile_of.values())))}))
    found = set()
    for a, b in pairs:
        x, y = profile_of.get(a), profile_of.get(b)
        if x is None or y is None or x == y or (min(x, y), max(x, y)) in decided:
            found.add((a, b))
    return found
