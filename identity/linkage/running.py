"""The door for runs over the whole base: take the next one, and ask for training when it is time. Light to import."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import connection

from common import clock, pg
from identity.linkage import blocking, statements
from identity.linkage.terms import COLUMNS
from identity.models import BulkRun, LinkageModel, Profile
from identity.services.linkage import NotPossible, request_run, switch_on
from identity.services.settle import After

log = logging.getLogger(__name__)

# "base" in ASCII: one run at a time, whoever started it.
_LOCK = 0x62617365
_ACTIVE = (BulkRun.State.WAITING, BulkRun.State.RUNNING)
# When a new model is due: by age, by growth of the base, or when fields are filled differently than they were.
_OLDEST, _GROWTH, _DRIFT = timedelta(days=30), 1.25, 0.10
_LEAST_RECORDS = 1_000
# What policy switches on by itself: what is nearly as precise as a person would want, and withdraws little.
_LEAST_PRECISION, _MOST_REMOVED = 0.97, 0.05


def run_waiting() -> bool:
    """Whether a run waits, or one was left unfinished by a process that died."""
    if not BulkRun.objects.filter(state__in=_ACTIVE).exists():
        return False
    with _lock() as mine:
        return mine


def run_next(*, now: datetime, folder: Path, memory: str = "1GB", after: After | None = None) -> int | None:
    """Do the next run, or go on with one that died; answers its id, or None when there is nothing to do.

    A run that fails says why in its row, and the base is as the last whole batch left it.
    """
    with _lock() as mine:
        row = BulkRun.objects.filter(state__in=_ACTIVE).order_by("pk").first() if mine else None
        if row is None:
            return None
        if row.state == BulkRun.State.WAITING:
            row.state, row.started_at = BulkRun.State.RUNNING, now
            row.save(update_fields=["state", "started_at"])
        _work(row, folder, now=now, memory=memory, after=after)
        return int(row.pk)


def _work(row: BulkRun, folder: Path, *, now: datetime, memory: str, after: After | None) -> None:
    from identity.linkage.base_runs import BaseRun, TooFewRecords  # loads DuckDB and scipy: only where a run is done

    try:
        BaseRun(row, folder, now=now, memory=memory, after=after).work()
    except TooFewRecords as error:
        _finish(row, BulkRun.State.FAILED, error=str(error))
    except Exception as error:
        log.exception("linkage run %s failed", row.pk)
        _finish(row, BulkRun.State.FAILED, error=f"{type(error).__name__}: {error}"[:2_000])
    else:
        _finish(row, BulkRun.State.DONE, error="")


def _finish(row: BulkRun, state: str, *, error: str) -> None:
    BulkRun.objects.filter(pk=row.pk).update(state=state, error=error, stage="", finished_at=clock.now())


@contextmanager
def _lock() -> Iterator[bool]:
    """A lock of the session: it goes when the process does, and whoever takes it next goes on with the run."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", [_LOCK])
        mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])


def plan_training(*, now: datetime) -> int | None:
    """Ask for training when the live model is old, the base has grown, or its fields are filled differently now."""
    if BulkRun.objects.filter(state__in=_ACTIVE).exists() or not training_due(now=now):
        return None
    try:
        return request_run(BulkRun.Kind.TRAIN, by="schedule", now=now)
    except NotPossible:
        return None


def training_due(*, now: datetime) -> str:
    """Why a new model is due; empty when none is."""
    latest = LinkageModel.objects.order_by("-version").first()
    records, filled = fill_rates()
    if records < _LEAST_RECORDS or Profile.objects.count() < _LEAST_RECORDS:
        return ""
    if latest is None:
        return "there is no model of this base yet"
    trained: Mapping[str, Any] = latest.spec.get("trained", {})
    if now - latest.created_at >= _OLDEST:
        return "the newest model is a month old"
    if records >= _GROWTH * float(trained.get("records", records)):
        return "the base has grown by a quarter"
    moved = {name: abs(filled.get(name, 0.0) - float(share)) for name, share in trained.get("filled", {}).items()}
    drifted = sorted(name for name, by in moved.items() if by > _DRIFT)
    return f"these fields are filled differently now: {', '.join(drifted)}" if drifted else ""


def fill_rates() -> tuple[int, dict[str, float]]:
    """How many records linkage knows, and the share of them that have each field, from the counts it keeps."""
    keys = {blocking.total_key(""): ""} | {blocking.total_key(column): column for column in COLUMNS}
    with connection.cursor() as cursor:
        cursor.execute(statements.COUNTS, {"keys": list(keys)})
        counted = {keys[key]: count for key, count in cursor.fetchall()}
    records = counted.pop("", 0)
    return records, {column: count / records for column, count in counted.items()} if records else {}


def switch_on_by_policy(run_id: int, *, now: datetime) -> int | None:
    """Switch on the model of a finished training if it is precise and withdraws little. Answers the run that links."""
    run = BulkRun.objects.filter(pk=run_id, kind=BulkRun.Kind.TRAIN, state=BulkRun.State.DONE).first()
    if run is None or run.model_version is None:
        return None
    told = run.figures
    precise = float(told.get("expected", {}).get("precision", 0.0)) >= _LEAST_PRECISION
    live = pg.raw().execute("select count(*) from identity_link where origin = 2 and retracted_at is null").fetchone()
    little = int(told.get("removed", 0)) <= _MOST_REMOVED * max(int(live[0]) if live else 0, 1)
    return switch_on(run.model_version, by="policy", now=now) if precise and little else None
