"""Columns as numbers: each value once, in a vocabulary, and every row by the number of its value. Pure.

Comparing whole columns of pairs is then arithmetic on numbers: equality is equality of numbers, what depends on one
value (its length, its first letter) is computed once a value, and what needs letters is asked once for each two values
that meet, however many pairs they meet in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

Texts = npt.NDArray[np.object_]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
# Of so few values looking for equal ones costs more than it saves: one newcomer and his candidates.
_FEW = 200


def texts(values: Sequence[Any]) -> Texts:
    """An array of objects, also of tuples of one length."""
    return np.fromiter(values, dtype=object, count=len(values))


class Vocabulary:
    """Distinct values as UTF-8 bytes, or tuples of them; the empty one is missing."""

    def __init__(self, values: Texts) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def filled(self) -> Bools:
        """Which values are there at all."""
        return self.lengths > 0

    @cached_property
    def lengths(self) -> Ints:
        """How many bytes, or of tuples how many items."""
        return np.fromiter(map(len, self.values), dtype=np.int64, count=len(self))

    @cached_property
    def ends(self) -> tuple[Ints, Ints]:
        """The first and the last letter of each."""
        decoded = [value.decode() for value in self.values]
        return self._ints(ord(text[0]) if text else -1 for text in decoded), self._ints(
            ord(text[-1]) if text else -2 for text in decoded
        )

    @cached_property
    def items(self) -> tuple["Vocabulary", list[Ints]]:
        """The items of tuples as a vocabulary, and for the first, the second ... place the item of each tuple."""
        deepest = int(self.lengths.max(initial=1))
        padded = [texts([value[n] if len(value) > n else b"" for value in self.values]) for n in range(deepest)]
        found, numbers = encode(np.concatenate(padded))
        return found, np.split(numbers, deepest)

    @cached_property
    def mailboxes(self) -> tuple["Column", "Column"]:
        """Of addresses of mail the names of the mailboxes and their domains."""
        parts = [value.partition(b"@") for value in self.values]
        return Column.of(texts([part[0] for part in parts])), Column.of(texts([part[2] for part in parts]))

    def once(self, name: str, make: Callable[[Texts], Any]) -> Any:
        """What one fact needs to know of each value, computed at its first use."""
        held = self.__dict__.setdefault("_once", {})
        if name not in held:
            held[name] = make(self.values)
        return held[name]

    def _ints(self, values: Any) -> Ints:
        return np.fromiter(values, dtype=np.int64, count=len(self))


def _as_bytes(values: Sequence[Any]) -> Texts:
    """Texts, or tuples of them, as UTF-8, in which all values are compared."""
    if not len(values) or isinstance(values[0], bytes):
        return texts(values)
    if isinstance(values[0], str):
        return texts(list(map(str.encode, values)))
    # Most tuples have one item.
    return texts([(one[0].encode(),) if len(one) == 1 else tuple(map(str.encode, one)) for one in values])


def encode(column: Texts) -> tuple[Vocabulary, Ints]:
    """The distinct values of a column of texts, bytes or tuples, and the number of each row's value."""
    if len(column) < _FEW:
        place: dict[Any, int] = {}
        few = np.array([place.setdefault(value, len(place)) for value in column], dtype=np.int64)
        return Vocabulary(_as_bytes(list(place))), few
    numbers, values = pd.factorize(column)
    return Vocabulary(_as_bytes(values)), numbers.astype(np.int64, copy=False)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of records: the number of each row's value in a vocabulary, which columns may share."""

    numbers: Ints
    vocabulary: Vocabulary

    @classmethod
    def of(cls, values: Texts) -> Self:
        """A column with a vocabulary of its own."""
        vocabulary, numbers = encode(values)
        return cls(numbers, vocabulary)

    @classmethod
    def together(cls, columns: Sequence[Texts]) -> list[Self]:
        """Columns that are compared crosswise: they share a vocabulary."""
        vocabulary, numbers = encode(texts(list(chain.from_iterable(columns))))
        return [cls(part, vocabulary) for part in np.split(numbers, np.cumsum([len(one) for one in columns])[:-1])]

    @property
    def values(self) -> Texts:
        """The value of each row."""
        return np.asarray(self.vocabulary.values[self.numbers])

    @property
    def first(self) -> "Column":
        """Of a column of tuples the first item of each row."""
        vocabulary, places = self.vocabulary.items
        return Column(places[0][self.numbers], vocabulary)

    @property
    def repeated(self) -> Texts:
        """The values that two rows have, or more."""
        times = np.bincount(self.numbers, minlength=len(self.vocabulary))
        return np.asarray(self.vocabulary.values[times > 1])

    def sides(self, left: Ints, right: Ints) -> "Sides":
        """The values of these pairs of rows."""
        return Sides(self.numbers[left], self.numbers[right], self.vocabulary)


@dataclass(frozen=True, slots=True)
class Sides:
    """One column of pairs: the numbers of the left values and of the right values."""

    left: Ints
    right: Ints
    vocabulary: Vocabulary

    def __len__(self) -> int:
        return len(self.left)

    @property
    def both(self) -> Bools:
        """Where neither side is missing."""
        filled = self.vocabulary.filled
        return filled[self.left] & filled[self.right]

    @property
    def equal(self) -> Bools:
        """Where the two are the same; two missing ones are."""
        return self.left == self.right

    def at(self, rows: Ints) -> "Sides":
        """These rows only."""
        return Sides(self.left[rows], self.right[rows], self.vocabulary)

    def of_value(self, numbers: npt.NDArray[Any]) -> tuple[Any, Any]:
        """What is known of each value, for both sides."""
        return numbers[self.left], numbers[self.right]

    def ask(self, test: Callable[[Texts, Texts], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """A test of two columns of values, asked once for each two values that meet."""
        if len(self) < _FEW:
            return test(self.vocabulary.values[self.left], self.vocabulary.values[self.right])
        size = len(self.vocabulary)
        place, met = pd.factorize(self.left * size + self.right)
        return test(self.vocabulary.values[met // size], self.vocabulary.values[met % size])[place]
