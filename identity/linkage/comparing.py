"""Comparison levels of two records: one comparison per independent fact. Pure, but for the import of recordlinkage.

A level is a small number, the most alike first; `MISSING` where either side says nothing. recordlinkage would count a
missing value as a difference, so every comparison here decides about missing itself, before anything is compared.
pandas and recordlinkage are imported inside the function that uses them: they cost seconds and 240 MB, and only the
worker of linkage may pay that.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA, JaroWinkler

from identity.linkage.fields import Record, Values

MISSING = -1
Levels = npt.NDArray[np.int8]

# The words of each level, most alike first; the model's probabilities follow this order.
LEVELS: dict[str, tuple[str, ...]] = {
    "given": ("exact", "near", "related", "similar", "different", "swapped"),
    "surname": ("exact", "close", "similar", "different"),
    "birth_date": ("exact", "near", "partial", "weak", "different"),
    "phone": ("exact", "near", "two slips", "different"),
    "email": ("exact", "same mailbox name", "near", "similar", "different"),
    "number": ("exact", "near", "two slips", "different"),
    "location": ("address", "address nearly", "postcode", "postcode nearly", "city", "different"),
    "sex": ("same", "different"),
}
# Local parts are made of names, so what an alike address says depends on how many name parts are shared already.
COMPARISONS = ("given", "surname", "birth_date", "phone", "email_0", "email_1", "email_2", "number", "location", "sex")

EXACT, NEAR, RELATED, SIMILAR, DIFFERENT, SWAPPED = range(6)
_MOST_DAYS_PARTIAL, _MOST_DAYS_WEAK = 31, 366


def field_of(comparison: str) -> str:
    """The fact that a comparison is about: the three versions of e-mail are one fact."""
    return comparison.partition("_")[0] if comparison.startswith("email") else comparison


def given_level(a: Record, b: Record) -> int:
    """Given names: exact, a slip, nickname / initial / shared token, similar, different, or swapped with surname."""
    if not a.given or not b.given:
        return MISSING
    if a.given == b.given:
        return EXACT
    if a.given == b.surname and b.given == a.surname:
        return SWAPPED
    return _given_level(a.given, b.given, a.others, b.others)


@lru_cache(maxsize=200_000)
def _given_level(a: str, b: str, a_others: Values, b_others: Values) -> int:
    if _one_slip(a, b):
        return NEAR
    if _related(a, b) or b in a_others or a in b_others:
        return RELATED
    return SIMILAR if JaroWinkler.similarity(a, b) >= 0.85 else DIFFERENT


def _one_slip(a: str, b: str) -> bool:
    """One edit or transposition, two in long names. In names of three letters an edit makes another name."""
    shorter = min(len(a), len(b))
    allowed = 2 if shorter >= 8 else int(shorter >= 4)
    return bool(allowed) and OSA.distance(a, b, score_cutoff=allowed) <= allowed


def _related(a: str, b: str) -> bool:
    if len(a) > len(b):
        a, b = b, a
    if len(a) == 1 or len(a) >= 3:
        if b.startswith(a):
            return True
        return bool(len(a) >= 2 and not formal_names(a).isdisjoint(formal_names(b)))
    return not formal_names(a).isdisjoint(formal_names(b))


@cache
def _nick_namer() -> Any:
    from nicknames import NickNamer

    return NickNamer()


@lru_cache(maxsize=50_000)
def formal_names(name: str) -> frozenset[str]:
    """The name itself and the formal names it may be short for."""
    return frozenset({name, *_nick_namer().canonicals_of(name)})


def surname_level(a: Record, b: Record) -> int:
    """Surnames: exact, >= .92, >= .80, different. Missing where swapped names were counted as one fact already."""
    if not a.surname or not b.surname:
        return MISSING
    if a.surname == b.surname:
        return 0
    if a.given == b.surname and b.given == a.surname:
        return MISSING
    return _surname_level(a.surname, b.surname)


@lru_cache(maxsize=200_000)
def _surname_level(a: str, b: str) -> int:
    similarity = JaroWinkler.similarity(a, b)
    if similarity >= 0.92 or _one_slip(a, b):
        return 1
    return 2 if similarity >= 0.80 else 3


def birth_date_level(a: Record, b: Record) -> int:
    """Birth dates: exact; a slip or day and month swapped; two parts or a month apart; a year apart; different."""
    if not a.birth_date or not b.birth_date:
        return MISSING
    return _birth_date_level(a.birth_date, b.birth_date)


@lru_cache(maxsize=200_000)
def _birth_date_level(a: str, b: str) -> int:
    if a == b:
        return 0
    if OSA.distance(a, b, score_cutoff=1) <= 1 or (a[:4] == b[:4] and a[4:] == b[6:] + b[4:6]):
        return 1
    same = (a[:4] == b[:4]) + (a[4:6] == b[4:6]) + (a[6:] == b[6:])
    days = abs(_day(a) - _day(b))
    if same == 2 or days <= _MOST_DAYS_PARTIAL:
        return 2
    return 3 if a[:4] == b[:4] or days <= _MOST_DAYS_WEAK else 4


def _day(text: str) -> int:
    return date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal()


def _digits_level(a: Values, b: Values) -> int:
    """The best of all combinations: exact, one edit, two edits, different."""
    if not a or not b:
        return MISSING
    if not set(a).isdisjoint(b):
        return 0
    return min(OSA.distance(x, y, score_cutoff=2) for x in a for y in b)


def phone_level(a: Record, b: Record) -> int:
    """Phones, best of all combinations."""
    return _digits_level(a.phones, b.phones)


def number_level(a: Record, b: Record) -> int:
    """Numbers given to one person by an authority."""
    return _digits_level(a.numbers, b.numbers)


def email_level(a: Record, b: Record) -> int:
    """Addresses: exact, the same name at another provider, a slip, similar, different; best of all combinations."""
    if not a.emails or not b.emails:
        return MISSING
    if not set(a.emails).isdisjoint(b.emails):
        return 0
    return min(_email_level(x, y) for x in a.emails for y in b.emails)


def _email_level(a: str, b: str) -> int:
    (local_a, _, domain_a), (local_b, _, domain_b) = a.partition("@"), b.partition("@")
    if local_a == local_b:
        # One mailbox name, one letter of the domain: a slip of the domain rather than another provider.
        return 2 if len(local_a) < 5 and OSA.distance(domain_a, domain_b) > 1 else 1
    if _one_slip(local_a, local_b):
        return 2
    return 3 if JaroWinkler.similarity(local_a, local_b) >= 0.88 else 4


def location_level(a: Record, b: Record) -> int:
    """All address fields are one fact; the best evidence decides."""
    place = _same(a.postcode, b.postcode), _same(a.city, b.city)
    if a.street and b.street:
        level = _street_level(a, b, place)
        if level != DIFFERENT:
            return level
    elif place == (None, None):
        return MISSING
    return _place_level(a, b, place)


def _same(a: str, b: str) -> bool | None:
    return a == b if a and b else None


def _street_level(a: Record, b: Record, place: tuple[bool | None, bool | None]) -> int:
    """0 same address, 1 nearly, `DIFFERENT` when the streets do not settle it."""
    house = _same(a.house, b.house)
    here = any(place) or place == (None, None)
    if house is False or (not here and house is None):
        return DIFFERENT
    if a.street == b.street:
        return 0 if here else 1
    alike = JaroWinkler.similarity(a.street, b.street) >= 0.9
    return 1 if alike and here and house else DIFFERENT


def _place_level(a: Record, b: Record, place: tuple[bool | None, bool | None]) -> int:
    same_postcode, same_city = place
    if same_postcode:
        return 2
    if same_postcode is False and same_city is not False and _one_slip(a.postcode, b.postcode):
        return 3
    if same_city or (same_city is False and JaroWinkler.similarity(a.city, b.city) >= 0.92):
        return 4
    return 5


def sex_level(a: Record, b: Record) -> int:
    """Only where the given names differ: a given name tells the sex already."""
    if not a.sex or not b.sex or a.given == b.given:
        return MISSING
    return int(a.sex != b.sex)


_FUNCTIONS: dict[str, Callable[[Record, Record], int]] = {
    "given": given_level,
    "surname": surname_level,
    "birth_date": birth_date_level,
    "phone": phone_level,
    "email": email_level,
    "number": number_level,
    "location": location_level,
    "sex": sex_level,
}


def compare(records: Mapping[int, Record], pairs: Sequence[tuple[int, int]]) -> Levels:
    """The levels of all pairs, one row a pair in the given order, one column for each of `COMPARISONS`."""
    if not pairs:
        return np.empty((0, len(COMPARISONS)), dtype=np.int8)
    computed = _with_recordlinkage(records, pairs)
    given, surname, email = (computed[name] for name in ("given", "surname", "email"))
    shared = np.isin(given, (EXACT, NEAR, RELATED)).astype(np.int8) + np.isin(surname, (0, 1))
    shared[given == SWAPPED] = 2
    versions = {f"email_{n}": np.where(shared == n, email, MISSING) for n in (0, 1, 2)}
    columns = [versions.get(name, computed.get(name)) for name in COMPARISONS]
    return np.column_stack([column for column in columns if column is not None]).astype(np.int8)


def _with_recordlinkage(
    records: Mapping[int, Record], pairs: Sequence[tuple[int, int]]
) -> dict[str, npt.NDArray[np.int8]]:
    """recordlinkage's own `Compare` with a feature of ours for each fact."""
    import pandas as pd
    import recordlinkage
    from recordlinkage.base import BaseCompareFeature

    # It logs every comparison through a handler of its own.
    logging.getLogger("recordlinkage").setLevel(logging.WARNING)

    class LevelFeature(BaseCompareFeature):  # type: ignore[misc, unused-ignore]  # it has no annotations
        """A feature whose values are comparison levels, missing among them."""

        def _compute_vectorized(self, left: Any, right: Any) -> npt.NDArray[np.int8]:
            function = _FUNCTIONS[self.label]
            levels = map(function, left.to_numpy(), right.to_numpy())
            return np.fromiter(levels, dtype=np.int8, count=len(left))

    ids = list(records)
    place = {record_id: n for n, record_id in enumerate(ids)}
    column = np.empty(len(ids), dtype=object)
    column[:] = [records[record_id] for record_id in ids]
    frame = pd.DataFrame({"record": column})
    index = pd.MultiIndex.from_arrays([[place[a] for a, _ in pairs], [place[b] for _, b in pairs]])
    # Positions rather than labels: recordlinkage then takes rows instead of looking each one up.
    comparer = recordlinkage.Compare(indexing_type="position")
    for name in _FUNCTIONS:
        comparer.add(LevelFeature("record", "record", label=name))
    computed = comparer.compute(index, frame)
    return {name: computed[name].to_numpy(dtype=np.int8) for name in _FUNCTIONS}
