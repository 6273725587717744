"""Packed counters: a `bytea` of 20-byte entries per identifier, appended to and now and then compacted.

The numbers are big-endian so that SQL can build them with `int4send` and `int8send`. Entries of one measure and minute
may repeat: whoever reads adds them up, or takes the least or greatest amount, as the measure's kind says. A measure of
distinct values has its entries by value (`micros` is the value's hash), each with the latest minute. Nothing here knows
the database.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from segments.measures import Horizon

Ints = npt.NDArray[np.int64]
LIMIT = 16  # entries of an identifier; at each multiple they are compacted
PACKED = np.dtype([("measure", ">u4"), ("minute", ">u4"), ("n", ">i4"), ("micros", ">i8")])
WIDTH = PACKED.itemsize


class Entries:
    """Columns of entries with the owner of each (an index into whatever the caller keeps)."""

    __slots__ = ("measure", "micros", "minute", "n", "owner")

    def __init__(self, owner: Ints, measure: Ints, minute: Ints, n: Ints, micros: Ints) -> None:
        self.owner, self.measure, self.minute, self.n, self.micros = owner, measure, minute, n, micros

    def __len__(self) -> int:
        return len(self.owner)

    def take(self, index: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "Entries":
        return Entries(self.owner[index], self.measure[index], self.minute[index], self.n[index], self.micros[index])


def unpack(data: bytes, counts: Ints) -> Entries:
    """The entries in `data`; the first `counts[0]` belong to owner 0, and so on."""
    packed = np.frombuffer(data, dtype=PACKED)
    owner = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    return Entries(owner, *(packed[column].astype(np.int64) for column in ("measure", "minute", "n", "micros")))


def pack(entries: Entries) -> tuple[Ints, list[bytes]]:
    """The owners, ascending, and the packed entries of each. The entries must be ordered by owner."""
    if not len(entries):
        return np.empty(0, dtype=np.int64), []
    packed = np.empty(len(entries), dtype=PACKED)
    for column in ("measure", "minute", "n", "micros"):
        packed[column] = getattr(entries, column)
    data = packed.tobytes()
    starts = np.flatnonzero(np.r_[True, entries.owner[1:] != entries.owner[:-1]])
    edges = [*(starts * WIDTH).tolist(), len(data)]
    return entries.owner[starts], [data[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]


class Kinds(NamedTuple):
    """The measures whose amounts are not added up."""

    least: frozenset[int] = frozenset()
    greatest: frozenset[int] = frozenset()
    distinct: frozenset[int] = frozenset()


ALL_SUMS = Kinds()


def among(measure: Ints, ids: frozenset[int]) -> npt.NDArray[np.bool_]:
    """Which entries are of one of these measures."""
    if not ids:
        return np.zeros(len(measure), dtype=np.bool_)
    return np.isin(measure, np.fromiter(ids, dtype=np.int64, count=len(ids)))


def merge(entries: Entries, kinds: Kinds = ALL_SUMS, bucket: Ints | None = None) -> Entries:
    """Entries of one owner, measure and bucket (by default the minute) become one, at their earliest minute; those of
    distinct values one for each value, at its latest."""
    if not len(entries):
        return entries
    by_value = among(entries.measure, kinds.distinct)
    bucket = np.where(by_value, entries.micros, entries.minute if bucket is None else bucket)
    order = np.lexsort((entries.minute, bucket, entries.measure, entries.owner))
    ordered, bucket, by_value = entries.take(order), bucket[order], by_value[order]
    changed = (
        (ordered.owner[1:] != ordered.owner[:-1])
        | (ordered.measure[1:] != ordered.measure[:-1])
        | (bucket[1:] != bucket[:-1])
    )
    starts = np.flatnonzero(np.r_[True, changed])
    ends = np.append(starts[1:], len(order)) - 1
    return Entries(
        ordered.owner[starts],
        ordered.measure[starts],
        np.where(by_value[starts], ordered.minute[ends], ordered.minute[starts]),
        np.add.reduceat(ordered.n, starts),
        _amounts(ordered, starts, by_value, kinds),
    )


def _amounts(ordered: Entries, starts: Ints, by_value: npt.NDArray[np.bool_], kinds: Kinds) -> Ints:
    amounts = np.add.reduceat(np.where(by_value, 0, ordered.micros), starts)
    measure = ordered.measure[starts]
    for ids, ufunc in ((kinds.least, np.minimum), (kinds.greatest, np.maximum)):
        if ids:
            amounts = np.where(among(measure, ids), ufunc.reduceat(ordered.micros, starts), amounts)
    return np.where(by_value[starts], ordered.micros[starts], amounts)


def compact(entries: Entries, horizons: Mapping[int, Horizon], kinds: Kinds = ALL_SUMS, *, now_minute: int) -> Entries:
    """The fewest entries that answer every live window, and counts, sums, first and last of all time, exactly.

    Single minutes stay within the longest minute-window of a measure; older ones become hours; what is older than every
    window becomes one entry at the first minute. The last minute stays by itself. Entries of a measure that no live
    segment reads are dropped.
    """
    known = np.isin(entries.measure, np.fromiter(horizons, dtype=np.int64, count=len(horizons)))
    entries = merge(entries.take(known), kinds)
    if not len(entries):
        return entries
    codes, inverse = np.unique(entries.measure, return_inverse=True)
    spans = [horizons[int(code)] for code in codes]
    fresh_from = np.array([now_minute - span.minutes for span in spans], dtype=np.int64)[inverse]
    hours_from = np.array([(now_minute // 60 - span.hours) * 60 if span.hours else 2**40 for span in spans])[inverse]
    is_last = np.r_[(entries.owner[1:] != entries.owner[:-1]) | (entries.measure[1:] != entries.measure[:-1]), True]
    single = (entries.minute >= fresh_from) | is_last
    # Three ranges that cannot meet: single minutes above 0, hours below 0, everything older in 0 (minute 0 is 1970).
    bucket = np.where(single, entries.minute + 1, np.where(entries.minute >= hours_from, -1 - entries.minute // 60, 0))
    return merge(entries, kinds, bucket)
