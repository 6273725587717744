"""Comparison levels with recordlinkage: its `Compare`, with a feature of ours for each fact.

recordlinkage counts a missing value as a difference and knows two outcomes; here missing is missing and every fact has
its levels (`facts`). pandas and recordlinkage cost seconds and 240 MB to import, so only the worker of linkage loads
this module.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
import pandas as pd
import recordlinkage
from recordlinkage.base import BaseCompareFeature

from identity.linkage import levels as lv
from identity.linkage.facts import CROSSWISE, FACTS, other_levels
from identity.linkage.fields import Record, Stored, formal_names, kin_of
from identity.linkage.levels import MISSING, Levels
from identity.linkage.vocabulary import Bools, Column, Ints, Sides, Texts, Vocabulary, texts

# It logs every comparison through a handler of its own.
logging.getLogger("recordlinkage").setLevel(logging.WARNING)

Columns = Mapping[str, Column]
# The columns that are kept; the others are made of them.
_KEPT = Stored.__struct_fields__
# Up to so many pairs the data frames of `Compare` would take longer than comparing.
_FEW_PAIRS = 200


class LevelFeature(BaseCompareFeature):  # type: ignore[misc, unused-ignore]  # it has no annotations
    """A feature of recordlinkage whose values are comparison levels, missing among them.

    The columns that it is given hold numbers, and `vocabularies` the values that they stand for.
    """

    def __init__(
        self,
        columns: Sequence[str],
        function: Callable[..., Levels],
        vocabularies: Sequence[Vocabulary],
        label: str,
    ) -> None:
        super().__init__(list(columns), list(columns), label=label)
        self._function, self._vocabularies = function, vocabularies

    def _compute_vectorized(self, *columns: Any) -> Levels:
        count = len(self._vocabularies)
        return self.levels([one.to_numpy() for one in columns[:count]], [one.to_numpy() for one in columns[count:]])

    def levels(self, left: Sequence[Ints], right: Sequence[Ints]) -> Levels:
        """The levels of pairs from the numbers of their values, column by column."""
        return self._function(*map(Sides, left, right, self._vocabularies))


def compare(
    records: Mapping[int, Record],
    pairs: Sequence[tuple[int, int]],
    comparisons: Sequence[str] = lv.STANDARD,
    *,
    aliases: Collection[tuple[str, str]] = (),
) -> Levels:
    """The levels of all pairs, one row a pair in the given order, one column a comparison.

    `aliases` are pairs of given names, sorted, that a model has learned to be one name.
    """
    columns = encode_records(records.values(), comparisons)
    return compare_columns(columns, places_of(list(records), pairs), comparisons, aliases=aliases)


def places_of(ids: Sequence[int], pairs: Sequence[tuple[int, int]]) -> Ints:
    """Pairs of ids (n x 2) as pairs of their places in `ids`."""
    place = {record_id: n for n, record_id in enumerate(ids)}
    return np.array([(place[a], place[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2)


def needed_columns(comparisons: Sequence[str]) -> list[str]:
    """The columns that these comparisons look at."""
    return list(dict.fromkeys(column for columns, _ in _facts(comparisons).values() for column in columns))


def _facts(comparisons: Sequence[str]) -> dict[str, tuple[tuple[str, ...], Callable[..., Levels]]]:
    return FACTS | {one: ((one,), other_levels) for one in comparisons if one.startswith(lv.OTHER)}


def encode_records(records: Collection[Record | Stored], comparisons: Sequence[str]) -> Columns:
    """The columns of records that these comparisons look at."""
    # Column by column, and what is made of the given name once a name: an object a record would be most of the time.
    wanted = needed_columns(comparisons)
    held = {name: list(map(attrgetter(name), records)) for name in wanted if name in _KEPT}
    formals = {name: formal_names(name) if name else () for name in set(held["given"])}
    held["formals"] = list(map(formals.__getitem__, held["given"]))
    both = zip(held["given"], held["others"], strict=True)
    held["kin"] = [kin_of(name, others) if others else formals[name] for name, others in both]
    held |= {name: _further(records, name.removeprefix(lv.OTHER)) for name in wanted if name.startswith(lv.OTHER)}
    return encode_frame({name: texts(held[name]) for name in wanted})


def encode_frame(frame: Mapping[str, Texts]) -> Columns:
    """Columns of texts or tuples of them, empty where missing, as comparing takes them."""
    crosswise = Column.together([frame[name] for name in CROSSWISE])
    return {name: Column.of(values) for name, values in frame.items() if name not in CROSSWISE} | dict(
        zip(CROSSWISE, crosswise, strict=True)
    )


def compare_columns(
    columns: Columns,
    places: Ints,
    comparisons: Sequence[str],
    *,
    aliases: Collection[tuple[str, str]] = (),
) -> Levels:
    """The levels of pairs of rows (n x 2) of these columns."""
    if not len(places):
        return np.empty((0, len(comparisons)), dtype=np.int8)
    facts = _facts(comparisons)
    features = [
        LevelFeature(wanted, function, [columns[one].vocabulary for one in wanted], name)
        for name, (wanted, function) in facts.items()
    ]
    levels = (_of_few if len(places) <= _FEW_PAIRS else _of_many)(features, columns, places)
    levels["given"] = _with_aliases(levels["given"], columns["given"], places, aliases)
    return with_versions(levels, comparisons)


def _of_many(features: Sequence[LevelFeature], columns: Columns, places: Ints) -> dict[str, Levels]:
    # Positions rather than labels: recordlinkage then takes rows instead of looking each one up.
    comparer = recordlinkage.Compare(features, indexing_type="position")
    wanted = dict.fromkeys(column for feature in features for column in feature.labels_left)
    frame = pd.DataFrame({name: columns[name].numbers for name in wanted})
    # A place is its own code: pandas need not find out which places there are.
    index = pd.MultiIndex([frame.index, frame.index], [places[:, 0], places[:, 1]], verify_integrity=False)
    computed = comparer.compute(index, frame)
    return {name: computed[name].to_numpy(dtype=np.int8) for name in computed.columns}


def _of_few(features: Sequence[LevelFeature], columns: Columns, places: Ints) -> dict[str, Levels]:
    """The same features, without the data frames of `Compare`: for one newcomer these take longer than comparing."""
    sides = {
        name: (columns[name].numbers[places[:, 0]], columns[name].numbers[places[:, 1]])
        for name in dict.fromkeys(column for feature in features for column in feature.labels_left)
    }
    return {
        feature.label: feature.levels(*zip(*(sides[one] for one in feature.labels_left), strict=True))
        for feature in features
    }


def _with_aliases(levels: Levels, given: Column, places: Ints, aliases: Collection[tuple[str, str]]) -> Levels:
    """Names that are different or only similar, and learned to be one, are related."""
    if aliases:
        known = {(x.encode(), y.encode()) for x, y in aliases}
        rows = np.flatnonzero((levels == 3) | (levels == 4))

        def learned(a: Texts, b: Texts) -> Bools:
            pairs = ((x, y) if x < y else (y, x) for x, y in zip(a, b, strict=True))
            return np.fromiter((pair in known for pair in pairs), dtype=bool, count=len(a))

        levels = levels.copy()
        levels[rows[given.sides(places[rows, 0], places[rows, 1]).ask(learned)]] = 2
    return levels


def _further(records: Collection[Record | Stored], name: str) -> list[str]:
    return [getattr(record, "other", {}).get(name, "") for record in records]


def with_versions(facts: Mapping[str, Levels], comparisons: Sequence[str]) -> Levels:
    """The comparisons from the facts: which version of e-mail counts is told by the names that are shared."""
    given, surname, email = (facts[name] for name in ("given", "surname", "email"))
    shared = np.isin(given, (0, 1, 2, 6)).astype(np.int8) + np.isin(surname, (0, 1))
    shared[given == 5] = 2
    versions = {f"email_{n}": np.where(shared == n, email, MISSING) for n in (0, 1, 2)}
    # Two that agree crosswise have used up their middle names.
    versions["middle"] = np.where(given == 6, MISSING, facts["middle"])
    streets, location = facts["streets"] == 1, facts["location"]
    versions["location"] = np.where(streets, location, MISSING)
    versions["place"] = np.where(~streets & (location != MISSING), location - 2, MISSING)
    columns = [versions[name] if name in versions else facts[name] for name in comparisons]
    return np.column_stack(columns).astype(np.int8)
