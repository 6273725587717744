"""Long work that shows how far it is: the same row drives the progress bar, the API and the tests."""

from typing import Any

from common import clock
from common.models import Job


def start(kind: str, title: str, *, total: int | None = None, by: str = "") -> int:
    """Note that work has begun; returns the job's id."""
    return Job.objects.create(kind=kind, title=title, total=total, by=by).pk


def progress(job_id: int, done: int, *, total: int | None = None, stage: str = "") -> None:
    """Note how far the work is, in its own units."""
    changes: dict[str, Any] = {"done": done, "updated_at": clock.now()}
    if total is not None:
        changes["total"] = total
    if stage:
        changes["stage"] = stage
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
