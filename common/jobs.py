"""Long work that shows how far it is: the same row drives the progress bar, the API and the tests."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from typing import Any

import psycopg

from common import clock, pg
from common.models import Job

# How often a statement that runs long is asked whether it should stop.
_LOOK_SECONDS = 0.25


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Somebody asked the job to stop."""


def start(kind: str, title: str, *, total: int | None = None, by: str = "") -> int:
    """Note that work has begun; returns the job's id."""
    return Job.objects.create(kind=kind, title=title, total=total, by=by).pk


def under_way(kind: str) -> int | None:
    """The job of a kind that began and did not end, perhaps because its worker died."""
    return Job.objects.filter(kind=kind, state=Job.State.RUNNING).order_by("pk").values_list("pk", flat=True).first()


def began_since(kind: str, moment: datetime) -> bool:
    """Whether a job of a kind began since then."""
    return Job.objects.filter(kind=kind, started_at__gte=moment).exists()


def counted(job_id: int) -> dict[str, Any]:
    """The counts that were noted so far."""
    return dict(Job.objects.values_list("counts", flat=True).get(pk=job_id))


def progress(
    job_id: int, done: int, *, total: int | None = None, stage: str = "", counts: dict[str, Any] | None = None
) -> None:
    """Note how far the work is, in its own units."""
    changes: dict[str, Any] = {"done": done, "updated_at": clock.now()}
    if total is not None:
        changes["total"] = total
    if stage:
        changes["stage"] = stage
    if counts is not None:
        changes["counts"] = counts
    Job.objects.filter(pk=job_id).update(**changes)


def finish(job_id: int, *, counts: dict[str, Any] | None = None, error: str = "") -> None:
    """Note the end: failed when there is an `error`, cancelled when that was asked for, else succeeded."""
    state = Job.State.FAILED if error else Job.State.CANCELLED if cancelled(job_id) else Job.State.SUCCEEDED
    moment = clock.now()
    Job.objects.filter(pk=job_id).update(
        state=state, counts=counts or {}, error=error, finished_at=moment, updated_at=moment
    )


def cancel(job_id: int) -> None:
    """Ask running work to stop at its next step."""
    Job.objects.filter(pk=job_id, state=Job.State.RUNNING).update(cancel_requested=True)


def cancelled(job_id: int) -> bool:
    """Whether somebody asked this job to stop."""
    return Job.objects.filter(pk=job_id, cancel_requested=True).exists()


def go_on(job_id: int) -> None:
    """Raises `Cancelled` when somebody asked this job to stop."""
    if cancelled(job_id):
        raise Cancelled


@contextmanager
def stoppable(job_id: int, conn: psycopg.Connection[Any]) -> Iterator[None]:
    """Inside the block a statement of `conn` ends when the job is asked to stop, however long it would run.

    Raises `Cancelled` then; `conn` can be used again.
    """
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(job_id, conn, ended), daemon=True)
    watcher.start()
    try:
        yield
    except psycopg.errors.QueryCanceled as stopped:
        raise Cancelled from stopped
    finally:
        ended.set()
        watcher.join()


def _watch(job_id: int, conn: psycopg.Connection[Any], ended: threading.Event) -> None:
    with closing(pg.connect(autocommit=True)) as own:
        while not ended.wait(_LOOK_SECONDS):
            row = own.execute("select cancel_requested from common_job where id = %s", [job_id]).fetchone()
            if row and row[0]:
                # Again at the next look: between two statements there is nothing to cancel.
                conn.cancel_safe()
