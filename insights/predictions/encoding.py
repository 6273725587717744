"""From features to numbers that a model reads: applied alike to those it was learned of and to everybody later. Pure.

A text becomes one column for each value that enough people have; other values share one column, so no value that
leads to somebody is ever stored.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# Numbers (NaN for what is not known), or texts (None).
Column = Sequence[Any] | npt.NDArray[Any]
# A value that fewer people have is not stored.
LEAST_PEOPLE = 20
_MOST_VALUES = 20
OTHER, MISSING = "(other)", "(not known)"


@dataclass(frozen=True, slots=True)
class Encoder:
    """`values`: for each feature of type text its values, each a column; None for a number, a column itself."""

    features: tuple[str, ...]
    values: tuple[tuple[str, ...] | None, ...]

    def __call__(self, columns: Mapping[str, Column], size: int) -> Floats:
        """A row for each person; a number that is not known is NaN."""
        found = np.zeros((size, self.width))
        at = 0
        for name, values in zip(self.features, self.values, strict=True):
            if values is None:
                found[:, at] = np.asarray(columns[name], dtype=np.float64)
                at += 1
            else:
                places = {value: place for place, value in enumerate(values)}
                other = places[OTHER]
                told = np.fromiter(
                    (places[MISSING] if one is None else places.get(one, other) for one in columns[name]),
                    dtype=np.int64, count=size,
                )  # fmt: skip
                found[np.arange(size), at + told] = 1.0
                at += len(values)
        return found

    @property
    def width(self) -> int:
        return sum(1 if one is None else len(one) for one in self.values)

    @property
    def owners(self) -> npt.NDArray[np.int64]:
        """For each column the place of its feature."""
        return np.repeat(np.arange(len(self.features)), [1 if one is None else len(one) for one in self.values])

    @property
    def names(self) -> list[tuple[str, str | None]]:
        """For each column its feature, and of a text the value."""
        return [
            (name, value)
            for name, values in zip(self.features, self.values, strict=True)
            for value in ((None,) if values is None else values)
        ]

    def keeping(self, names: Sequence[str]) -> "Encoder":
        """The same for some of the features."""
        kept = [place for place, name in enumerate(self.features) if name in names]
        return Encoder(tuple(self.features[one] for one in kept), tuple(self.values[one] for one in kept))

    def to_json(self) -> dict[str, Any]:
        return {"features": list(self.features), "values": [None if one is None else list(one) for one in self.values]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Encoder":
        return cls(tuple(told["features"]), tuple(None if one is None else tuple(one) for one in told["values"]))


def taken(columns: Mapping[str, Column], places: npt.NDArray[np.int64]) -> dict[str, Column]:
    """These rows of each column."""
    return {
        name: column[places] if isinstance(column, np.ndarray) else [column[one] for one in places.tolist()]
        for name, column in columns.items()
    }


def grown(encoder: Encoder, columns: Mapping[str, Column], people: npt.NDArray[np.int64]) -> Encoder:
    """The encoder with what enough of these people have and it has no column for: further values of its texts, and
    features of `columns` that it left out because all were the same. What it has stays, in the same order."""
    kinds = [
        one if one is None else _with_values(one, columns[name], people)
        for name, one in zip(encoder.features, encoder.values, strict=True)
    ]
    told = {name: column for name, column in columns.items() if name not in encoder.features and _tells(column, people)}
    new = learn(told, people)
    return Encoder((*encoder.features, *new.features), (*kinds, *new.values))


def _with_values(values: tuple[str, ...], column: Column, people: npt.NDArray[np.int64]) -> tuple[str, ...]:
    room = max(_MOST_VALUES + 2 - len(values), 0)
    new = [value for value, _ in _held(column, people) if value not in values][:room]
    return (*values[:-2], *sorted(new), *values[-2:])


def _held(column: Column, people: npt.NDArray[np.int64]) -> list[tuple[str, int]]:
    """The values of a text that enough people have, the commonest first, with how many have them."""
    held = Counter(value for value, _ in {(value, one) for value, one in zip(column, people.tolist(), strict=True)})
    held.pop(None, None)
    return [(value, count) for value, count in held.most_common(_MOST_VALUES) if count >= LEAST_PEOPLE]


def _tells(column: Column, people: npt.NDArray[np.int64]) -> bool:
    """Whether enough people have another value than the commonest: of fewer there is nothing to learn."""
    told = [None if one != one else one for one in column]  # noqa: PLR0124 - NaN is not itself
    (commonest, _), *_ = Counter(told).most_common(1) or [(None, 0)]
    return len({one for one, value in zip(people.tolist(), told, strict=True) if value != commonest}) >= LEAST_PEOPLE


def learn(columns: Mapping[str, Column], people: npt.NDArray[np.int64]) -> Encoder:
    """The encoder of these columns; `people` says whose each row is. A feature that is the same in every row is left
    out."""
    names: list[str] = []
    kinds: list[tuple[str, ...] | None] = []
    for name, column in columns.items():
        if isinstance(column, np.ndarray):
            known = column[~np.isnan(column)]
            if len(known) and (len(known) < len(column) or np.ptp(known) > 0):
                names.append(name)
                kinds.append(None)
            continue
        common = [value for value, _ in _held(column, people)]
        if common and len(set(column)) > 1:
            names.append(name)
            kinds.append((*sorted(common), OTHER, MISSING))
    return Encoder(tuple(names), tuple(kinds))
