"""Packed counters: a `bytea` of 20-byte entries per identifier, appended to and now and then compacted.

The numbers are big-endian so that SQL can build them with `int4send` and `int8send`. Entries of one measure and minute
may repeat: whoever reads adds them up. Nothing here knows the database.
"""

from collections.abc import Mapping

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


def merge(entries: Entries, bucket: Ints | None = None) -> Entries:
    """Entries of one owner, measure and bucket (by default the minute) become one, at their earliest minute."""
    if not len(entries):
        return entries
    if bucket is None:
        bucket = entries.minute
    order = np.lexsort((entries.minute, bucket, entries.measure, entries.owner))
    ordered, bucket = entries.take(order), bucket[order]
    changed = (
        (ordered.owner[1:] != ordered.owner[:-1])
        | (ordered.measure[1:] != ordered.measure[:-1])
        | (bucket[1:] != bucket[:-1])
    )
    starts = np.flatnonzero(np.r_[True, changed])
    return Entries(
        ordered.owner[starts],
        ordered.measure[starts],
        ordered.minute[starts],
        np.add.reduceat(ordered.n, starts),
        np.add.reduceat(ordered.micros, starts),
    )


def compact(entries: Entries, horizons: Mapping[int, Horizon], *, now_minute: int) -> Entries:
    """The fewest entries that answer every live window, and counts, sums, first and last of all time, exactly.

    Single minutes stay within the longest minute-window of a measure; older ones become hours; what is older than every
    window becomes one entry at the first minute. The last minute stays by itself. Entries of a measure that no live
    segment reads are dropped.
    """
    known = np.isin(entries.measure, np.fromiter(horizons, dtype=np.int64, count=len(horizons)))
    entries = merge(entries.take(known))
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
    return merge(entries, bucket)
