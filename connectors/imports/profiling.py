"""The quality of a file's columns, told from all of its rows in the pass that judges them. No Django.

Of each column of the file (not only of those that come in): empty cells, what the others read as, and of numbers their
least, quartiles and greatest with what lies far out. Cells are looked at in columns, a slice at a time, by Arrow's own
functions; the memory it takes does not grow with the file.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.imports.arrays import as_numpy, places
from connectors.imports.cells import Cells, columns_of
from connectors.imports.contracts import ColumnReport, Extreme, NumbersReport

# As the cells of a column are told apart; whatever matches none is text.
_NUMBER = {
    ".": r"^[+-]?((\d{1,3}(,\d{3})+|\d+)(\.\d*)?|\.\d+)([eE][+-]?\d+)?$",
    ",": r"^[+-]?((\d{1,3}(\.\d{3})+|\d+)(,\d*)?|,\d+)$",
}
_DATE = r"^\d{1,4}[./-]\d{1,2}[./-]\d{1,4}([T ,].*)?$"
_BOOLEAN = r"(?i)^(true|false|yes|no|ja|nein|oui|non)$"
_HELD = 50_000
_MOST_VALUES = 20_000
_EXTREMES = 3
# A column of codes has numbers among them; only of columns of numbers it is told how they are spread.
_MOSTLY = 0.9
# Tukey's outer fences: what lies beyond them is "far out" (Exploratory Data Analysis, 1977, section 2D).
_FAR = 3.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Profile:
    """All columns of a file."""

    def __init__(
        self, header: Sequence[str], *, decimals: Mapping[str, str] | None = None, ids: Collection[str] = ()
    ) -> None:
        """`decimals`: the mark of the fraction by column; `ids`: columns whose numbers name somebody and are no
        amounts."""
        marks = decimals or {}
        self._columns = [
            _Column(name, marks.get(name, "."), name not in ids, marks.get(name, ".") == ".") for name in header
        ]

    def add(self, rows: Sequence[Sequence[Any]], numbers: Sequence[int]) -> None:
        """Rows with as many cells as the header has, and their numbers in the file."""
        if rows:
            self.add_columns(columns_of(rows), numbers)

    def add_columns(self, columns: Sequence[Cells], numbers: Sequence[int]) -> None:
        """The columns of such rows."""
        at = np.asarray(numbers, dtype=np.int64)
        for column, cells in zip(self._columns, columns, strict=True):
            column.add(cells, at)

    def report(self) -> list[ColumnReport]:
        """What is known of each column by now."""
        return [column.report() for column in self._columns]


@dataclass(slots=True)
class _Column:
    name: str
    decimal: str
    is_amount: bool
    may_be_plain: bool
    blank: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    numbers: "_Numbers" = field(default_factory=lambda: _Numbers())

    def add(self, cells: Cells, at: Ints) -> None:
        texts = cells.texts
        self.blank += cells.blank
        if cells.blank:
            texts, at = texts.filter(cells.filled), at[as_numpy(cells.filled)]
        if len(texts) and not self._all_numbers(texts, at):
            self._tell_apart(texts, at)

    def _all_numbers(self, texts: Any, at: Ints) -> bool:
        """Whether all cells are plain numbers, which is known without looking at each; they are counted then."""
        if not self.may_be_plain:
            return False
        try:
            values = as_numpy(pc.cast(texts, pa.float64()))
        except pa.ArrowInvalid:
            # Not again: a column that had another cell once has more.
            self.may_be_plain = False
            return False
        if not np.isfinite(values).all():
            return False
        self._count("number", len(values))
        if self.is_amount:
            self.numbers.add(values, at)
        return True

    def _tell_apart(self, texts: Any, at: Ints) -> None:
        counted = pc.value_counts(texts)
        distinct, counts = counted.field(0), as_numpy(counted.field(1))
        is_number = _matches(distinct, _NUMBER[self.decimal])
        if is_number.any():
            self._count("number", int(counts[is_number].sum()))
            if self.is_amount:
                among = pc.is_in(texts, value_set=distinct.take(places(is_number)))
                self.numbers.add(self._values(texts.filter(among)), at[as_numpy(among)])
        for kind, is_kind in (("date", _matches(distinct, _DATE)), ("boolean", _matches(distinct, _BOOLEAN))):
            self._count(kind, int(counts[is_kind & ~is_number].sum()))
            is_number |= is_kind
        self._count("text", int(counts[~is_number].sum()))

    def _values(self, texts: Any) -> Floats:
        thousands, mark = (",", "") if self.decimal == "." else (".", ",")
        plain = pc.replace_substring(texts, thousands, "")
        plain = pc.replace_substring(plain, mark, ".") if mark else plain
        found: Floats = as_numpy(pc.cast(pc.utf8_ltrim(plain, "+"), pa.float64()))
        return found

    def _count(self, kind: str, count: int) -> None:
        if count:
            self.kinds[kind] = self.kinds.get(kind, 0) + count

    def report(self) -> ColumnReport:
        share = self.kinds.get("number", 0) / max(sum(self.kinds.values()), 1)
        told = self.numbers.report() if self.is_amount and share > _MOSTLY else None
        kinds = dict(sorted(self.kinds.items(), key=lambda one: -one[1]))
        return ColumnReport(name=self.name, blank=self.blank, kinds=kinds, numbers=told)


def _matches(texts: Any, pattern: str) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = as_numpy(pc.match_substring_regex(texts, pattern))
    return found.copy()


@dataclass(slots=True)
class _Numbers:
    """How often each number came. Beyond 20,000 different ones they are kept to three digits (an error below 0.5 %)."""

    values: Floats = field(default_factory=lambda: np.empty(0))
    counts: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    exact: bool = True
    negative: int = 0
    zero: int = 0
    least: list[tuple[float, int]] = field(default_factory=list)
    greatest: list[tuple[float, int]] = field(default_factory=list)
    held: list[Floats] = field(default_factory=list)
    waiting: int = 0

    def add(self, values: Floats, at: Ints) -> None:
        finite = np.isfinite(values)
        if not finite.all():
            values, at = values[finite], at[finite]
        if not len(values):
            return
        self.negative += int((values < 0).sum())
        self.zero += int((values == 0).sum())
        self.least = _outermost(self.least, values, at, sign=1)
        self.greatest = _outermost(self.greatest, values, at, sign=-1)
        self.held.append(values)
        self.waiting += len(values)
        if self.waiting >= _HELD:
            self._settle()

    def _settle(self) -> None:
        if not self.held:
            return
        fresh = np.concatenate(self.held)
        self.held, self.waiting = [], 0
        all_values = np.concatenate([self.values, fresh if self.exact else _to_three_digits(fresh)])
        weights = np.concatenate([self.counts, np.ones(len(fresh), dtype=np.int64)])
        self.values, self.counts = _counted(all_values, weights)
        if self.exact and len(self.values) > _MOST_VALUES:
            self.exact = False
            self.values, self.counts = _counted(_to_three_digits(self.values), self.counts)

    def report(self) -> NumbersReport:
        self._settle()
        places = np.cumsum(self.counts)
        lower, middle, upper = (_quantile(self.values, places, share) for share in (0.25, 0.5, 0.75))
        spread = _FAR * (upper - lower)
        low, high = (float(f"{fence:.12g}") for fence in (lower - spread, upper + spread))
        # When half of all are the same, there is no spread to tell by.
        below = int(self.counts[self.values < low].sum()) if spread else 0
        above = int(self.counts[self.values > high].sum()) if spread else 0
        return NumbersReport(
            least=self.least[0][0], lower=lower, median=middle, upper=upper, greatest=self.greatest[0][0],
            low_fence=low if spread else None, high_fence=high if spread else None, below=below, above=above,
            negative=self.negative, zero=self.zero, exact=self.exact,
            extremes=[Extreme(value, row) for value, row in (*self.least, *reversed(self.greatest))],
        )  # fmt: skip


def _counted(values: Floats, weights: Ints) -> tuple[Floats, Ints]:
    distinct, inverse = np.unique(values, return_inverse=True)
    return distinct, np.bincount(inverse, weights=weights, minlength=len(distinct)).astype(np.int64)


def _to_three_digits(values: Floats) -> Floats:
    size = np.abs(values, where=values != 0, out=np.ones_like(values))
    scale = 10.0 ** (2 - np.floor(np.log10(size)))
    rounded: Floats = np.round(values * scale) / scale
    return rounded


def _quantile(values: Floats, places: Ints, share: float) -> float:
    """The value at or above which the share of all is reached (the inverse of the empirical distribution)."""
    rank = max(int(np.ceil(share * places[-1])), 1)
    return float(values[np.searchsorted(places, rank)])


def _outermost(known: list[tuple[float, int]], values: Floats, at: Ints, *, sign: int) -> list[tuple[float, int]]:
    """The few least (or, with sign -1, greatest) with the numbers of their rows; of equals the earlier."""
    bound = known[-1][0] if len(known) == _EXTREMES else None
    candidates = values if bound is None else values[sign * values < sign * bound]
    if not len(candidates):
        return known
    order = np.argsort(sign * values, kind="stable")[:_EXTREMES]
    found = [*known, *zip(values[order].tolist(), at[order].tolist(), strict=True)]
    return sorted(found, key=lambda one: (sign * one[0], one[1]))[:_EXTREMES]
