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
from identity.linkage.facts import FACTS, Ints, Texts, other_levels
from identity.linkage.fields import Record
from identity.linkage.levels import MISSING, Levels

# It logs every comparison through a handler of its own.
logging.getLogger("recordlinkage").setLevel(logging.WARNING)

_LISTS = frozenset(["kin", "emails", "phones", "numbers"])


class LevelFeature(BaseCompareFeature):  # type: ignore[misc, unused-ignore]  # it has no annotations
    """A feature of recordlinkage whose values are comparison levels, missing among them."""

    def __init__(self, columns: Sequence[str], function: Callable[..., Levels], label: str) -> None:
        super().__init__(list(columns), list(columns), label=label)
        self._function = function

    def _compute_vectorized(self, *columns: Any) -> Levels:
        return self._function(*(column.to_numpy() for column in columns))


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
    place = {record_id: n for n, record_id in enumerate(records)}
    places = np.array([(place[a], place[b]) for a, b in pairs], dtype=np.int64).reshape(-1, 2)
    frame = {column: _column(records.values(), column) for column in needed_columns(comparisons)}
    return compare_frame(frame, places, comparisons, aliases=aliases)


def needed_columns(comparisons: Sequence[str]) -> list[str]:
    """The columns that these comparisons look at."""
    return list(dict.fromkeys(column for columns, _ in _facts(comparisons).values() for column in columns))


def _facts(comparisons: Sequence[str]) -> dict[str, tuple[tuple[str, ...], Callable[..., Levels]]]:
    return FACTS | {one: ((one,), other_levels) for one in comparisons if one.startswith(lv.OTHER)}


def compare_frame(
    frame: Mapping[str, Texts],
    places: Ints,
    comparisons: Sequence[str],
    *,
    aliases: Collection[tuple[str, str]] = (),
) -> Levels:
    """The levels of pairs of rows (n x 2) of these columns: UTF-8 bytes or tuples of them, empty where missing."""
    if not len(places):
        return np.empty((0, len(comparisons)), dtype=np.int8)
    facts = _facts(comparisons)
    # Positions rather than labels: recordlinkage then takes rows instead of looking each one up.
    comparer = recordlinkage.Compare(indexing_type="position")
    for name, (columns, function) in facts.items():
        comparer.add(LevelFeature(columns, function, name))
    index = pd.MultiIndex.from_arrays([places[:, 0], places[:, 1]])
    computed = comparer.compute(index, pd.DataFrame(dict(frame)))
    levels = {name: computed[name].to_numpy(dtype=np.int8) for name in facts}
    levels["given"] = _with_aliases(levels["given"], frame["given"], places, aliases)
    return with_versions(levels, comparisons)


def _with_aliases(levels: Levels, given: Texts, places: Ints, aliases: Collection[tuple[str, str]]) -> Levels:
    """Names that are different or only similar, and learned to be one, are related."""
    if aliases:
        known = {(x.encode(), y.encode()) for x, y in aliases}
        levels = levels.copy()
        for row in np.flatnonzero((levels == 3) | (levels == 4)):
            a, b = given[places[row, 0]], given[places[row, 1]]
            if ((a, b) if a < b else (b, a)) in known:
                levels[row] = 2
    return levels


def _column(records: Collection[Record], column: str) -> Texts:
    values = np.empty(len(records), dtype=object)
    if column.startswith(lv.OTHER):
        name = column.removeprefix(lv.OTHER)
        values[:] = [record.other.get(name, "").encode() for record in records]
    elif column in _LISTS:
        values[:] = [tuple(map(str.encode, held)) for held in map(attrgetter(column), records)]
    else:
        values[:] = list(map(str.encode, map(attrgetter(column), records)))
    return values


def as_bytes(value: Any) -> Any:
    """A text, or several, as comparing takes them."""
    return value.encode() if isinstance(value, str) else tuple(one.encode() for one in value or ())


def with_versions(facts: Mapping[str, Levels], comparisons: Sequence[str]) -> Levels:
    """The comparisons from the facts: which version of e-mail counts is told by the names that are shared."""
    given, surname, email = (facts[name] for name in ("given", "surname", "email"))
    shared = np.isin(given, (0, 1, 2)).astype(np.int8) + np.isin(surname, (0, 1))
    shared[given == 5] = 2
    versions = {f"email_{n}": np.where(shared == n, email, MISSING) for n in (0, 1, 2)}
    streets, location = facts["streets"] == 1, facts["location"]
    versions["location"] = np.where(streets, location, MISSING)
    versions["place"] = np.where(~streets & (location != MISSING), location - 2, MISSING)
    columns = [versions[name] if name in versions else facts[name] for name in comparisons]
    return np.column_stack(columns).astype(np.int8)
