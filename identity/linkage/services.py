"""The door of record linkage: find the same people among profiles that changed.

Light to import: what compares (pandas, recordlinkage, rapidfuzz) is loaded when there is something to compare, by the
one worker that does it.
"""

import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from django.db import connection, transaction

from common import pg
from identity import locks
from identity.linkage import records, statements
from identity.linkage.files_door import FileOptions, UnreadableFile, link_files
from identity.linkage.running import plan_training, run_next, run_waiting, switch_on_by_policy
from identity.services.settle import After

if TYPE_CHECKING:
    from identity.linkage.model import Model

__all__ = [
    "FileOptions",
    "LinkageRun",
    "UnreadableFile",
    "link_changed",
    "link_files",
    "linkage_backlog",
    "load_model",
    "plan_training",
    "run_next",
    "run_waiting",
    "switch_on_by_policy",
]

_SWEEP = 5_000
# Writers stamp a profile before they commit, so a later commit may carry an earlier time: look back this far.
_LOOK_BACK = timedelta(minutes=10)
_MOST_COUNTED = 1_000_000


@dataclass(slots=True)
class LinkageRun:
    """What one run did."""

    profiles: int = 0
    compared: int = 0
    links: int = 0
    reviews: int = 0
    withdrawn: int = 0
    done: bool = False


class _Progress(NamedTuple):
    since: datetime | None
    latest: datetime | None
    after_id: int
    swept_to: int


def link_changed(
    *, now: datetime, after: After | None = None, batch_size: int = 500, seconds: float = 20.0
) -> LinkageRun:
    """Compare the profiles that changed since the last run with all others; link, ask, or do nothing.

    Works batch by batch until nothing is left or the time is up; each batch is one transaction, so a run that dies
    loses nothing and a second one finds only what is left. Of two at the same time one does nothing. `after` runs in
    the transaction that joined people, with the moves and the profiles whose traits changed.
    """
    run = LinkageRun()
    until = time.monotonic() + seconds
    _sweep()
    while not run.done:
        with transaction.atomic():
            _run_batch(run, now=now, after=after, batch_size=batch_size)
        if time.monotonic() >= until:
            break
    return run


def linkage_backlog() -> int:
    """How many profiles wait to be compared."""
    with connection.cursor() as cursor:
        cursor.execute("select since from identity_linkagestate")
        row = cursor.fetchone()
        cursor.execute(statements.BACKLOG, {"since": row[0] if row else None, "most": _MOST_COUNTED})
        return int(cursor.fetchone()[0])


def load_model(cursor: psycopg.Cursor[Any]) -> "Model":
    """The active model, or the start values."""
    from identity.linkage.model import Model  # loads rapidfuzz: only where pairs are compared

    row = cursor.execute(statements.ACTIVE_MODEL).fetchone()
    return Model.from_json(json.loads(row[1]), version=row[0]) if row else Model.from_json({})


def _sweep() -> None:
    with transaction.atomic():
        cursor = psycopg.Cursor(pg.raw())
        if _has_lock(cursor):
            records.sweep(cursor, after=_progress(cursor).swept_to, limit=_SWEEP)


def _has_lock(cursor: psycopg.Cursor[Any]) -> bool:
    row = cursor.execute(statements.LOCK, {"lock": locks.LINKAGE}).fetchone()
    return bool(row and row[0])


def _progress(cursor: psycopg.Cursor[Any]) -> _Progress:
    return _Progress._make(cursor.execute(statements.STATE).fetchall()[0])


def _run_batch(run: LinkageRun, *, now: datetime, after: After | None, batch_size: int) -> None:
    conn = pg.raw()
    cursor = psycopg.Cursor(conn)
    if not _has_lock(cursor):
        run.done = True
        return
    progress = _progress(cursor)
    due = records.load_due(cursor, since=progress.since, after=progress.after_id, limit=batch_size)
    run.done = not due and progress.after_id == 0
    _save_progress(cursor, progress, due, whole=len(due) < batch_size, now=now)
    if due:
        run.profiles += len(due)
        _link_batch(conn, due, run, now=now, after=after)


def _save_progress(
    cursor: psycopg.Cursor[Any], progress: _Progress, due: list[records.Due], *, whole: bool, now: datetime
) -> None:
    """The walk goes by id, which costs one pass over the profiles however many are due; then it starts again."""
    times = [one.changed_at for one in due] + ([progress.latest] if progress.latest else [])
    latest = max(times, default=None)
    since, after_id = progress.since, due[-1].profile_id if due else 0
    if whole:
        after_id = 0
        since = max(filter(None, [since, min(latest, now) - _LOOK_BACK])) if latest else since
    cursor.execute(statements.SAVE_STATE, {"since": since, "latest": latest, "after": after_id})


def _link_batch(
    conn: psycopg.Connection[Any], due: list[records.Due], run: LinkageRun, *, now: datetime, after: After | None
) -> None:
    from identity.linkage import engine, withdrawing, writing  # these load what compares

    cursor = psycopg.Cursor(conn)
    model = load_model(cursor)
    changed = records.refresh(cursor, due)
    candidates = records.find_candidates(cursor, changed)
    known = records.load_records(cursor, {end for pair in candidates for end in pair})
    candidates = [pair for pair in candidates if pair[0] in known and pair[1] in known]
    counts, base = records.load_counts(cursor, known.values())
    pairs, scored = engine.score_candidates(known, candidates, counts, base=base, model=model)
    ids = {one.profile_id for one in due}
    unsupported = withdrawing.find_unsupported(cursor, ids, model=model)
    batch = writing.Batch(ids, pairs, scored, unsupported, model, now)
    written = writing.write(conn, batch, after=after)
    run.compared += len(pairs)
    run.links += written.links
    run.reviews += written.reviews
    run.withdrawn += written.withdrawn
