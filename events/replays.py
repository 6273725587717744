"""Replays as rows: asked for by people, worked at by whoever has the lock, ended once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from common import audit, jobs
from events.contracts import LogFilter, QuarantineFilter, ReplayView
from events.models import Replay

_FILTERS: dict[str, type[LogFilter | QuarantineFilter]] = {"quarantine": QuarantineFilter, "log": LogFilter}
_PERSONAL = "identifier"


@transaction.atomic
def request_replay(
    *, fits: LogFilter | QuarantineFilter, total: int, position: Mapping[str, Any], by: str, now: datetime,
    via: str = "ui",
) -> ReplayView:  # fmt: skip
    """Have what fits replayed by a worker; `position` is where it begins and ends, `total` how much there is now."""
    of = Replay.Of.LOG if isinstance(fits, LogFilter) else Replay.Of.QUARANTINE
    stored: dict[str, Any] = msgspec.to_builtins(fits)
    row = Replay.objects.create(
        of=of, fits=stored, position=dict(position), requested_by=by, requested_at=now,
        job_id=jobs.start("replay", f"Replay of the {of}", total=total, by=by),
    )  # fmt: skip
    audit.record(
        actor=by, via=via, action=f"{of}.replay", object_type="replay", object_id=row.pk, at=now,
        summary=f"Asked to replay {total} {'events of the log' if of == Replay.Of.LOG else 'quarantined items'}",
        after={key: value for key, value in _anonymous(stored).items() if value},
    )  # fmt: skip
    return replay_view(row)


@dataclass(slots=True)
class ReplayWork:
    """A replay in the hands of a worker, who moves `position` and `counts`."""

    id: int
    of: str
    fits: LogFilter | QuarantineFilter
    position: dict[str, Any]
    counts: dict[str, int]
    job_id: int
    requested_by: str


def waiting_replays() -> list[int]:
    """The ids of those that are not over, the oldest first."""
    return list(
        Replay.objects.filter(state=Replay.State.WAITING).order_by("pk").values_list("pk", flat=True)
    )  # fmt: skip


def take_up(replay_id: int) -> ReplayWork | None:
    """One that is not over, as its last step left it. The caller has its lock."""
    row = Replay.objects.filter(pk=replay_id, state=Replay.State.WAITING).first()
    if row is None:
        return None
    fits = msgspec.convert(row.fits, _FILTERS[row.of])
    return ReplayWork(row.pk, row.of, fits, row.position, row.counts, row.job_id, row.requested_by)


def keep_place(work: ReplayWork, *, done: int, stage: str = "") -> None:
    """Where the next step begins, in the transaction of the last one."""
    Replay.objects.filter(pk=work.id).update(position=work.position, counts=work.counts)
    jobs.progress(work.job_id, done, stage=stage)


@transaction.atomic
def end_replay(work: ReplayWork, state: str, *, at: datetime, error: str = "") -> None:
    """It is over ("done", "failed", "cancelled"), and whom it was about by name is forgotten."""
    row = Replay.objects.select_for_update().get(pk=work.id)
    row.state, row.error, row.finished_at, row.fits = state, error, at, _anonymous(row.fits)
    row.save(update_fields=["state", "error", "finished_at", "fits"])
    jobs.finish(work.job_id, counts=work.counts, error=error)


def replay(replay_id: int) -> ReplayView | None:
    """One replay."""
    row = Replay.objects.filter(pk=replay_id).first()
    return None if row is None else replay_view(row)


def replays(*, before: int | None = None, limit: int = 50) -> list[ReplayView]:
    """The newest first, by keyset."""
    rows = Replay.objects.order_by("-pk")
    return [replay_view(row) for row in (rows.filter(pk__lt=before) if before else rows)[:limit]]


def replay_view(row: Replay) -> ReplayView:
    """The contract of one row."""
    return ReplayView(
        row.pk, row.of, _anonymous(row.fits), row.state, row.counts, row.error, row.job_id, row.requested_by,
        row.requested_at, row.finished_at,
    )  # fmt: skip


def _anonymous(fits: Mapping[str, Any]) -> dict[str, Any]:
    """Nobody needs to see whom it was about to see how far it is."""
    return {key: "•••" if key == _PERSONAL and value else value for key, value in fits.items()}
