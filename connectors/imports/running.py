"""The rows of a file into the inbox, or only counted; resumable at every thousand rows."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from connectors.destinations.files.rows import cell
from connectors.imports.contracts import Counts, FileMapping, Problem
from connectors.imports.mapping import RowMapper
from connectors.imports.reading import Table
from connectors.sources import wire
from connectors.sources.identity import usable
from events.contracts import Refusal

SLICE = 1_000
# So many problems are told one by one; all are counted.
MOST_TOLD = 200_000


@dataclass(slots=True)
class Slice:
    """Some rows, judged: the document for the inbox with its number of items, and what is to be said."""

    last_row: int
    document: bytes
    items: int
    problems: list[Problem] = field(default_factory=list)


class Judge:
    """Judges the rows of a file one slice after another, and counts."""

    def __init__(self, table: Table, mapping: FileMapping) -> None:
        self._rows = enumerate(table.rows, 1)
        self._map = RowMapper(mapping, table.header)
        self._seen: set[bytes] = set()
        self.counts = Counts(blank=self._map.blank, cases=self._map.cases)

    def slices(self) -> Iterator[Slice]:
        """All rows, in slices."""
        while rows := list(islice(self._rows, SLICE)):
            yield self._slice(rows)

    def _slice(self, rows: Sequence[tuple[int, Sequence[Any]]]) -> Slice:
        items: list[bytes] = []
        numbers: list[int] = []
        events: list[str] = []
        problems: list[Problem] = []
        for number, row in rows:
            item, event, told = self._map(number, row)
            problems += told
            if item is None:
                _count(self.counts.refused, told[-1].reason)
                continue
            key = bytes.fromhex(item[-34:-18].decode())
            if key in self._seen:
                self.counts.duplicates += 1
                problems.append(Problem(number, "", "", "the same as an earlier row", refused=True))
                continue
            self._seen.add(key)
            items.append(item)
            numbers.append(number)
            events.append(event)
        self.counts.rows += len(rows)
        taken = self._take(items, numbers, events, problems)
        for one in problems:
            if not one.refused:
                _count(self.counts.flagged, f"{one.column}: {one.reason}")
        problems.sort(key=lambda one: one.row)
        return Slice(rows[-1][0], b'{"batch":[' + b",".join(taken) + b"]}", len(taken), problems)

    def _take(
        self, items: Sequence[bytes], numbers: Sequence[int], events: Sequence[str], problems: list[Problem]
    ) -> list[bytes]:
        """Those that the door takes, as it takes everybody's; of the others its reason is told."""
        taken = []
        for item, number, event in zip(items, numbers, events, strict=True):
            verdict = wire.judge(item, usable=usable)
            if isinstance(verdict, Refusal):
                _count(self.counts.refused, verdict.reason)
                problems.append(Problem(number, "", "", verdict.detail, refused=True))
                continue
            taken.append(verdict[1])
            _count(self.counts.events, event)
        self.counts.good += len(taken)
        return taken


def _count(counts: dict[str, int], key: str) -> None:
    counts[key] = counts.get(key, 0) + 1


def as_json(counts: Counts) -> dict[str, Any]:
    """Counts as they are kept."""
    return asdict(counts)


def problem_lines(problems: Sequence[Problem], *, head: bool) -> bytes:
    """The problems as lines of a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    if head:
        writer.writerow(["row", "column", "value", "reason", "came in"])
    writer.writerows(
        [one.row, one.column, cell(one.value), one.reason, "no" if one.refused else "yes"] for one in problems
    )
    return text.getvalue().encode()
