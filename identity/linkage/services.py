"""The door of record linkage: find the same people among profiles that changed.

Light to import: what compares (pandas, recordlinkage, rapidfuzz) is loaded when there is something to compare, by the
one worker that does it.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
from django.db import connection, transaction

from common import pg
from identity import locks
from identity.linkage import blocking, making, records, statements
from identity.linkage.beside import beside
from identity.linkage.files_door import FileOptions, link_files
from identity.linkage.making import Due, Made
from identity.linkage.running import plan_training, run_next, run_waiting, switch_on_by_policy
from identity.linkage.unreadable import UnreadableFile
from identity.services.settle import After

if TYPE_CHECKING:
    from identity.linkage import writing
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

# With each batch so many records are looked at whether their profile still lives.
_SWEEP = 1_000
# So many are found due in one pass over the profiles, and then taken batch by batch.
_PASS = 20_000
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
    renewed: int = 0
    done: bool = False


class _Progress(NamedTuple):
    since: datetime | None
    latest: datetime | None
    after_id: int
    swept_to: int
    recipe: int
    renewed_to: int


@dataclass(slots=True)
class _Walk:
    """The profiles that were found due and are still to be taken, in the order of their ids, after `at`."""

    ids: list[int] = field(default_factory=list)
    at: int = -1
    more: bool = False
    # Whether it began at the first profile, and whether anybody was joined or parted since: those are due again.
    whole: bool = False
    moved: bool = False
    # What was made of the coming ones while the database was busy with others.
    ahead: Mapping[int, Made] = field(default_factory=dict)

    def coming(self, most: int) -> list[int]:
        """Those that will be taken next, if nothing comes between."""
        return self.ids[:most]

    def take(self, cursor: psycopg.Cursor[Any], progress: _Progress, most: int) -> list[int]:
        """The next ones. Looks for more when there are none left, or somebody else has gone on meanwhile."""
        if not self.ids or self.at != progress.after_id:
            self.ids = records.find_due(cursor, since=progress.since, after=progress.after_id, limit=_PASS)
            self.more = len(self.ids) == _PASS
            if progress.after_id == 0:
                self.whole, self.moved = True, False
            elif self.at != progress.after_id:
                self.whole = False
        taken, self.ids = self.ids[:most], self.ids[most:]
        self.at = 0 if self.is_over else taken[-1]
        return taken

    @property
    def is_over(self) -> bool:
        """Whether nothing is left: the walk starts again at the first profile."""
        return not self.ids and not self.more

    @property
    def is_done(self) -> bool:
        """Whether nothing is due any more: it has been all the way, and has made nobody due."""
        return self.is_over and self.whole and not self.moved


def link_changed(
    *, now: datetime, after: After | None = None, batch_size: int = 2_000, seconds: float = 20.0
) -> LinkageRun:
    """Compare the profiles that changed since the last run with all others; link, ask, or do nothing.

    Works batch by batch until nothing is left or the time is up; each batch is one transaction, so a run that dies
    loses nothing and a second one finds only what is left. Of two at the same time one does nothing. `after` runs in
    the transaction that joined people, with the moves and the profiles whose traits changed.

    When nothing has changed any more, records that an older release made are made anew and compared again.
    """
    run, walk = LinkageRun(), _Walk()
    until = time.monotonic() + seconds
    while not run.done:
        with transaction.atomic():
            _run_batch(run, walk, now=now, after=after, batch_size=batch_size)
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
    row = cursor.execute(statements.ACTIVE_MODEL).fetchone()
    return _model_of(row[1], row[0]) if row else _model_of("{}", 0)


@lru_cache(maxsize=2)
def _model_of(spec: str, version: int) -> "Model":
    """A model holds tables made of its spec: made once, not with each batch."""
    from identity.linkage.model import Model  # loads rapidfuzz: only where pairs are compared

    return Model.from_json(json.loads(spec), version=version)


def _has_lock(cursor: psycopg.Cursor[Any]) -> bool:
    row = cursor.execute(statements.LOCK, {"lock": locks.LINKAGE}).fetchone()
    return bool(row and row[0])


def _progress(cursor: psycopg.Cursor[Any]) -> _Progress:
    return _Progress._make(cursor.execute(statements.STATE).fetchall()[0])


def _run_batch(run: LinkageRun, walk: _Walk, *, now: datetime, after: After | None, batch_size: int) -> None:
    conn = pg.raw()
    cursor = psycopg.Cursor(conn)
    if not _has_lock(cursor):
        run.done = True
        return
    progress = _progress(cursor)
    progress = progress._replace(swept_to=records.sweep(cursor, after=progress.swept_to, limit=_SWEEP))
    taken = walk.take(cursor, progress, batch_size)
    made = records.make_due(cursor, taken, since=progress.since, ahead=walk.ahead)
    progress = _go_on(progress, made, walk, now=now)
    run.profiles += len(made)
    if not taken and progress.recipe != blocking.RECIPE:
        due, last = records.load_outdated(cursor, after=progress.renewed_to, limit=batch_size)
        made = making.make(due)
        progress = progress._replace(renewed_to=last or 0, recipe=progress.recipe if last else blocking.RECIPE)
        run.renewed += len(made)
    cursor.execute(statements.SAVE_STATE, progress._asdict())
    if made:
        coming = partial(records.load_due, profile_ids=walk.coming(batch_size), since=progress.since)
        written, walk.ahead = _link_batch(conn, made, run, coming, now=now, after=after)
        walk.moved |= bool(written.links or written.withdrawn)
    run.done = walk.is_done and progress.recipe == blocking.RECIPE


def _go_on(progress: _Progress, made: Mapping[int, Made], walk: _Walk, *, now: datetime) -> _Progress:
    """The walk goes by id, which costs one pass over the profiles however many are due; then it starts again."""
    times = [one.changed_at for one in made.values()] + ([progress.latest] if progress.latest else [])
    latest = max(times, default=None)
    since = progress.since
    if walk.is_over:
        since = max(filter(None, [since, min(latest, now) - _LOOK_BACK])) if latest else since
    return progress._replace(since=since, latest=latest, after_id=walk.at)


def _link_batch(
    conn: psycopg.Connection[Any],
    made: Mapping[int, Made],
    run: LinkageRun,
    coming: Callable[[psycopg.Cursor[Any]], list[Due]],
    *,
    now: datetime,
    after: After | None,
) -> tuple["writing.Written", Mapping[int, Made]]:
    """Compare these profiles and write what comes of it. Answers that, and what was meanwhile made of the coming."""
    from identity.linkage import candidates, withdrawing, writing  # these load what compares

    cursor = psycopg.Cursor(conn)
    model = load_model(cursor)
    with beside(cursor) as database:
        changes = database.ask(records.find_changes, made).result()
        loaded = database.ask(coming)
        kept = database.ask(records.keep, made, changes)
        ids = made.keys() - set(changes.same)
        keys = {one: made[one].keys for one in made if one in ids and made[one].keys}
        score = candidates.Scoring(database, keys, model)
        ahead = making.make(loaded.result())
        kept.result()
        pairs, scored = score.finish()
    unsupported = withdrawing.find_unsupported(cursor, made.keys(), model=model)
    batch = writing.Batch(ids, pairs, scored, unsupported, model, now)
    written = writing.write(conn, batch, after=after)
    run.compared += len(pairs)
    run.links += written.links
    run.reviews += written.reviews
    run.withdrawn += written.withdrawn
    return written, ahead
