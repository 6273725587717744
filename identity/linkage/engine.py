"""Compare and score records in memory: what the task, the review of a link and the tests have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from identity.graph import Pair
from identity.linkage import start
from identity.linkage.comparing import Columns, compare_columns, encode_records
from identity.linkage.fields import Record, Stored
from identity.linkage.levels import Floats, Levels
from identity.linkage.model import Model, Scored, log_share
from identity.linkage.terms import COLUMNS, LISTS, Counts
from identity.linkage.vocabulary import Column, Ints


@dataclass(frozen=True, slots=True)
class Held:
    """Records in memory: their ids, ascending, and the columns that the model compares."""

    ids: Ints
    columns: Columns

    @classmethod
    def of(cls, records: Mapping[int, Record | Stored], model: Model) -> "Held":
        """These records, by id."""
        ids = sorted(records)
        return cls(np.array(ids, dtype=np.int64), encode_records([records[one] for one in ids], model.comparisons))

    def places(self, pairs: Ints) -> Ints:
        """Pairs of ids (n x 2) as pairs of places."""
        return np.searchsorted(self.ids, pairs)

    def term(self, column: str) -> Column:
        """The values of a column that are counted; of lists the first."""
        return self.columns[column].first if column in LISTS else self.columns[column]

    def terms(self) -> dict[str, Column]:
        """The values that are counted, by column."""
        return {column: self.term(column) for column in COLUMNS}


class Compared(NamedTuple):
    """Pairs of ids (n x 2) of these records, their places among them, and what the two have in common."""

    held: Held
    pairs: Ints
    places: Ints
    levels: Levels


def compare_held(held: Held, pairs: Ints, model: Model) -> Compared:
    """Compare pairs of ids (n x 2)."""
    places = held.places(pairs)
    return Compared(
        held, pairs, places, compare_columns(held.columns, places, model.comparisons, aliases=model.aliases)
    )


def weigh(compared: Compared, counts: Counts, *, base: int, model: Model) -> Scored:
    """Weigh what was compared, in a base of so many records."""
    return model.score(compared.levels, shares(compared.held, compared.places, counts, model), base=base)


def score(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, *, base: int, model: Model) -> Scored:
    """Compare and weigh pairs of a base of so many records."""
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return weigh(compare_held(Held.of(records, model), ends, model), counts, base=base, model=model)


def shares(held: Held, places: Ints, counts: Counts, model: Model) -> dict[int, Floats]:
    """For each term and pair the log share of the *other* people who hold the value the two agree on."""
    by_column = {
        column: _share(held.term(column), places, counts, column, model)
        for column in dict.fromkeys(term.column for term in model.terms)
    }
    return {index: by_column[term.column] for index, term in enumerate(model.terms)}


def _share(values: Column, places: Ints, counts: Counts, column: str, model: Model) -> Floats:
    sides = values.sides(places[:, 0], places[:, 1])
    rows = np.flatnonzero(sides.equal & sides.both)
    agreed, which = np.unique(sides.left[rows], return_inverse=True)
    known = [counts.holders.get((column, value.decode()), 2) - 2 for value in values.vocabulary.values[agreed]]
    holders = np.full(len(places), np.nan)
    holders[rows] = np.array(known, dtype=np.float64)[which]
    usual = start.usual_share(column)
    return log_share(holders, counts.totals.get(column, 0), usual=usual, least_base=model.least_base)
