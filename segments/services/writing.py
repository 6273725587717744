"""From answers to the ledger: what differs from the stored memberships is written, nothing else."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg
from segments import sql
from segments.entries import Ints
from segments.plan import LiveSegment
from segments.vector import Answer, Bools
from segments.windows import MINUTE_US, NEVER, NEVER_AT, minute_of

REASONS = ("event", "trait", "merge", "time", "import", "erasure", "undo", "retention", "replay")
_EPOCH_2000_US = 946_684_800_000_000


class Touched(NamedTuple):
    """Profiles to evaluate (ascending), why (an index into REASONS, from 1), and which of them are no more."""

    profiles: Ints
    reasons: Ints
    gone: Bools


class Stored(NamedTuple):
    """The memberships as they stand: a row of bits per profile, and the minute that is stored as due."""

    bits: Bools
    due: Ints
    known: Bools


def settle(
    conn: psycopg.Connection[Any],
    segments: Sequence[LiveSegment],
    touched: Touched,
    answers: Sequence[Answer],
    *,
    complete: bool,
    now: datetime,
) -> int:
    """Write the differences between the answers and the stored bits. `complete`: every live segment was evaluated."""
    stored = load_memberships(conn, touched.profiles, max((segment.id for segment in segments), default=0))
    bits = stored.bits.copy()
    due = np.full(len(touched.profiles), NEVER, dtype=np.int64)
    for segment, answer in zip(segments, answers, strict=True):
        bits[:, segment.id] = answer.holds
        if answer.due is not None:
            np.minimum(due, answer.due, out=due)
    bits[touched.gone] = False
    differs = bits != stored.bits
    rows = _write_changes(conn, segments, touched, bits, differs, now)
    _write_memberships(conn, touched, bits, stored, differs.any(axis=1), due, complete=complete, now=now)
    return rows


def load_memberships(conn: psycopg.Connection[Any], profiles: Ints, highest_id: int) -> Stored:
    """The stored bits of these profiles, wide enough for `highest_id`."""
    width = highest_id // 8 + 1
    due = np.full(len(profiles), NEVER, dtype=np.int64)
    known = np.zeros(len(profiles), dtype=np.bool_)
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(
            sql.LOAD_MEMBERSHIPS, {"profiles": pg.int8s(profiles), "never": NEVER_AT}, binary=True
        ).fetchone()
    if row is None or row[0] is None:
        return Stored(np.zeros((len(profiles), width * 8), dtype=np.bool_), due, known)
    places = np.searchsorted(profiles, pg.int8_array(row[0]))
    widths = pg.int8_array(row[1])
    packed = np.zeros((len(profiles), max(width, int(widths.max()))), dtype=np.uint8)
    data = np.frombuffer(row[2], dtype=np.uint8)
    ends = np.cumsum(widths)
    # Rows written before a segment was added are shorter: few widths, one copy each.
    for one in np.unique(widths).tolist():
        same = widths == one
        packed[places[same], :one] = data[(ends[same] - one)[:, None] + np.arange(one)]
    known[places] = True
    due[places] = (pg.int8_array(row[3]) + _EPOCH_2000_US) // MINUTE_US
    return Stored(np.unpackbits(packed, axis=1, bitorder="little").astype(np.bool_), due, known)


def _write_changes(
    conn: psycopg.Connection[Any],
    segments: Sequence[LiveSegment],
    touched: Touched,
    bits: Bools,
    differs: Bools,
    now: datetime,
) -> int:
    columns, places = np.nonzero(differs.T)
    if not len(columns):
        return 0
    entered = bits[places, columns]
    version_of = np.zeros(differs.shape[1], dtype=np.int64)
    for segment in segments:
        version_of[segment.id] = segment.version
    with psycopg.Cursor(conn) as cursor:
        params = {
            "segments": pg.int4s(columns),
            "profiles": pg.int8s(touched.profiles[places]),
            "entered": pg.bools(entered),
            "reason": pg.int4s(touched.reasons[places]),
            "versions": pg.int4s(version_of[columns]),
            "reasons": pg.texts(REASONS),
            "now": now,
        }
        cursor.execute(sql.INSERT_CHANGES, params)
        cursor.execute(sql.ADD_TO_SIZES, _size_deltas(columns, entered, now))
    return len(columns)


def _size_deltas(columns: npt.NDArray[np.int64], entered: Bools, now: datetime) -> dict[str, Any]:
    changed = np.unique(columns)
    ins = np.bincount(columns[entered], minlength=int(changed[-1]) + 1)[changed]
    outs = np.bincount(columns[~entered], minlength=int(changed[-1]) + 1)[changed]
    return {"segments": pg.int4s(changed), "entered": pg.int4s(ins), "exited": pg.int4s(outs), "now": now}


def _write_memberships(
    conn: psycopg.Connection[Any],
    touched: Touched,
    bits: Bools,
    stored: Stored,
    changed: Bools,
    due: Ints,
    *,
    complete: bool,
    now: datetime,
) -> None:
    """Rows whose bits changed or whose date came nearer; a date that moved away is found when its time comes."""
    if complete:
        written = changed | (due < stored.due) | (stored.due <= minute_of(now))
    else:
        due = np.minimum(due, stored.due)
        written = changed | (due < stored.due)
    written &= ~touched.gone
    with psycopg.Cursor(conn) as cursor:
        if touched.gone.any():
            cursor.execute(sql.DELETE_MEMBERSHIPS, {"profiles": pg.int8s(touched.profiles[touched.gone])})
        if written.any():
            packed = np.packbits(bits[written], axis=1, bitorder="little")
            width, data = packed.shape[1], packed.tobytes()
            params = {
                "profiles": pg.int8s(touched.profiles[written]),
                "bits": pg.byteas([data[at : at + width] for at in range(0, len(data), width)]),
                "due": pg.timestamps(np.minimum(due[written], NEVER) * MINUTE_US),
                "never": NEVER_AT,
            }
            cursor.execute(sql.UPSERT_MEMBERSHIPS, params)
