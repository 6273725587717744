"""Computed traits: written in slices that each have the turn, so that events go on being applied between."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import transaction

from common import jobs, pg, turns
from identity import services as identity
from identity.contracts import Move

# Lets segments and syncs follow, in the transaction that changed traits.
After = Callable[[psycopg.Connection[Any], Sequence[Move], Collection[int]], None]
_AT_ONCE = 5_000


def write_traits(
    *, profile_ids: npt.NDArray[np.int64], columns: Mapping[str, Sequence[Any]], run_id: int, now: datetime,
    after: After, job_id: int | None = None, retract: Sequence[str] = (),
) -> int:  # fmt: skip
    """Write traits of these profiles and take them from all others; answers how many profiles changed.

    `retract`: further traits to take away from those others. Killed half way, it is done again from the start: what is
    written already comes out the same. Raises `jobs.Cancelled`.
    """
    changed = 0
    for start in range(0, len(profile_ids), _AT_ONCE):
        if job_id is not None:
            jobs.go_on(job_id)
        some = slice(start, start + _AT_ONCE)
        told = {key: [json.dumps(one, ensure_ascii=False) for one in values[some]] for key, values in columns.items()}
        ids = profile_ids[some]
        changed += _apply(
            lambda conn, ids=ids, told=told: identity.write_computed(  # type: ignore[misc]
                conn, profile_ids=ids, columns=told, run=run_id, now=now
            ),
            after,
        )
        if job_id is not None:
            jobs.progress(job_id, min(start + _AT_ONCE, len(profile_ids)), total=len(profile_ids), stage="writing")
    return changed + take_traits(keys=[*columns, *retract], kept=profile_ids, now=now, after=after)


def keep_traits(
    *, profile_ids: npt.NDArray[np.int64], columns: Mapping[str, Sequence[str]], number: int, now: datetime,
    after: After, begin: Callable[[psycopg.Connection[Any]], None],
) -> int:  # fmt: skip
    """Have these profiles have exactly these traits (JSON texts, `null` to have none), in one transaction that `begin`
    begins; answers how many profiles changed. Who has them already is found before the turn is taken, and not written:
    where that is everybody, nobody waits for it. The caller is the only one who writes these traits."""
    differing = identity.differing_computed(pg.raw(), profile_ids=profile_ids, columns=columns)
    if not len(differing):
        with transaction.atomic():
            begin(pg.raw())
        return 0
    some = np.flatnonzero(np.isin(profile_ids, differing)).tolist()
    profile_ids = profile_ids[some]
    columns = {key: [values[one] for one in some] for key, values in columns.items()}

    def write(conn: psycopg.Connection[Any]) -> set[int]:
        begin(conn)
        return identity.keep_computed(conn, profile_ids=profile_ids, columns=columns, run=number, now=now)

    return _apply(write, after)


def take_traits(*, keys: Sequence[str], kept: npt.NDArray[np.int64], now: datetime, after: After) -> int:
    """Take computed traits from everybody but `kept`; answers how many profiles changed."""
    others, changed = identity.outdated_computed(pg.raw(), keys=keys, kept=kept), 0
    for start in range(0, len(others), _AT_ONCE):
        ids = others[start : start + _AT_ONCE]
        changed += _apply(
            lambda conn, ids=ids: identity.retract_computed(conn, profile_ids=ids, keys=keys, now=now),  # type: ignore[misc]
            after,
        )
    return changed


def _apply(write: Callable[[psycopg.Connection[Any]], set[int]], after: After) -> int:
    with transaction.atomic():
        conn = pg.raw()
        # Claims and traits are nothing that the applier remembers.
        turns.borrow(conn)
        changed = write(conn)
        if changed:
            usual = conn.cursor_factory
            conn.cursor_factory = psycopg.Cursor
            try:
                after(conn, [], changed)
            finally:
                conn.cursor_factory = usual
    return len(changed)
