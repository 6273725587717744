"""The rows of a file into the inbox, or only counted; resumable at every slice of some thousand rows."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.imports.cells import columns_of
from connectors.imports.contracts import Counts, FileMapping, Made, Problem
from connectors.imports.items import mapper_for
from connectors.imports.profiling import Profile
from connectors.imports.reading import Table
from connectors.sources import wire
from connectors.sources.identity import usable

_REPEATED = "the same as an earlier row"
# A slice is about so many cells: Arrow's functions cost as much for a few as for many, and wide rows take more memory.
_CELLS, _MOST_ROWS, _LEAST_ROWS = 120_000, 5_000, 100


@dataclass(slots=True)
class Slice:
    """Some rows, judged: the document for the inbox with its number of items, and what is to be said."""

    last_row: int
    document: bytes
    items: int
    message_ids: list[str]
    problems: list[Problem] = field(default_factory=list)


class Judge:
    """Judges the rows of a file one slice after another, and counts."""

    def __init__(self, table: Table, mapping: FileMapping) -> None:
        self._rows = enumerate(table.rows, 1)
        self._map = mapper_for(mapping, table.header)
        self._width = len(table.header)
        self._slice_rows = min(_MOST_ROWS, max(_LEAST_ROWS, _CELLS // self._width // self._map.items_a_row))
        decimals = {one.name: one.decimal for one in mapping.columns if one.kind == "number"}
        ids = {one.name for one in mapping.columns if one.to.startswith("identifiers.")}
        self._profile = Profile(table.header, decimals=decimals, ids=ids)
        self._seen = Seen()
        self.counts = Counts(blank=self._map.blank, cases=self._map.cases)

    def slices(self) -> Iterator[Slice]:
        """All rows, in slices."""
        while rows := list(islice(self._rows, self._slice_rows)):
            yield self._slice(rows)
        self.counts.columns = [asdict(one) for one in self._profile.report()]

    def _slice(self, rows: Sequence[tuple[int, Sequence[Any]]]) -> Slice:
        whole = rows
        if {len(row) for _, row in rows} != {self._width}:
            whole = [(number, row) for number, row in rows if len(row) == self._width]
        columns = columns_of([row for _, row in whole]) if whole else []
        if whole:
            self._profile.add_columns(columns, [number for number, _ in whole])
        made = self._map(rows, columns)
        # Of a row that is refused for several reasons the last counts.
        for reason in {one.row: one.reason for one in made.problems if one.refused}.values():
            _count(self.counts.refused, reason)
        self.counts.rows += len(rows)
        reading = self._take(made, [number for number, _ in rows])
        for one in made.problems:
            if not one.refused:
                _count(self.counts.flagged, f"{one.column}: {one.reason}")
        made.problems.sort(key=lambda one: one.row)
        return Slice(rows[-1][0], reading.document, len(reading.message_ids), reading.message_ids, made.problems)

    def _take(self, made: Made, numbers: Sequence[int]) -> wire.Reading:
        """The items that are new and that the door takes, as it takes everybody's.

        A row came in when one of its items did; another that the door does not take is pointed at. Otherwise it is
        refused for what the door says of the first, or the same as an earlier one.
        """
        fresh = self._seen.fresh(np.array([int(item[-34:-18], 16) for item in made.items], dtype=np.uint64))
        kept = np.flatnonzero(fresh)
        reading = wire.read_items([made.items[one] for one in kept.tolist()], usable=usable)
        taken, places = kept[reading.indexes], np.asarray(made.places, dtype=np.int64)
        for name, count in Counter(made.events[one] for one in taken.tolist()).items():
            _count(self.counts.events, name, count)
        came_in, refused = np.zeros(len(numbers), dtype=bool), set[int]()
        came_in[places[taken]] = True
        for no in reading.refused:
            one = int(kept[no.index])
            place = made.places[one]
            if came_in[place]:
                made.problems.append(Problem(numbers[place], made.events[one], "", no.refusal.detail, refused=False))
            elif place not in refused:
                refused.add(place)
                _count(self.counts.refused, no.refusal.reason)
                made.problems.append(Problem(numbers[place], "", "", no.refusal.detail, refused=True))
        for place in np.unique(places[~came_in[places]]).tolist():
            if place not in refused:
                self.counts.duplicates += 1
                made.problems.append(Problem(numbers[place], "", "", _REPEATED, refused=True))
        self.counts.good += int(came_in.sum())
        return reading


class Seen:
    """The rows that were there before, by 64 bits of each: 8 bytes a row, in sorted runs that each have at least twice
    as many as the next."""

    def __init__(self) -> None:
        self._runs: list[npt.NDArray[np.uint64]] = []

    def fresh(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Which of these are the first of their kind; they are known from now on."""
        distinct, first = np.unique(keys, return_index=True)
        new = np.ones(len(distinct), dtype=bool)
        for run in self._runs:
            places = np.searchsorted(run, distinct)
            places[places == len(run)] = 0
            new &= run[places] != distinct
        found = np.zeros(len(keys), dtype=bool)
        found[first[new]] = True
        self._add(distinct[new])
        return found

    def _add(self, run: npt.NDArray[np.uint64]) -> None:
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")
        if len(run):
            self._runs.append(run)


def _count(counts: dict[str, int], key: str, more: int = 1) -> None:
    counts[key] = counts.get(key, 0) + more
