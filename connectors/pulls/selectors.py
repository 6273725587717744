"""Reading what pulls are set up with, and how far they are."""

from collections.abc import Sequence
from typing import Any

from common import clock, crypto
from connectors.pulls import values
from connectors.pulls.contracts import PullView, RunView
from connectors.pulls.models import Pull, PullRun
from connectors.pulls.registry import ORIGINS
from connectors.pulls.secrets import reveal


def pull(source_id: int) -> PullView | None:
    """The pull of a source, or None."""
    row = Pull.objects.filter(source_id=source_id).first()
    return view(row) if row else None


def pull_runs(source_id: int, *, before: int | None = None, limit: int = 50) -> list[RunView]:
    """Runs of a source's pull, newest first, those before an id."""
    found = PullRun.objects.filter(pull__source_id=source_id, **({} if before is None else {"pk__lt": before}))
    return [_run(row) for row in found.order_by("-pk")[:limit]]


def view(row: Pull) -> PullView:
    """One row as it is handed out: which secrets are set, never what they are."""
    origin = ORIGINS[row.kind]
    runs = list(row.runs.order_by("-pk")[:20])
    cursor = _value((row.place or {}).get("cursor"))
    under_way = bool(runs) and runs[0].finished_at is None
    newest = _value(runs[0].newest) if under_way else None
    return PullView(
        id=row.pk, source_id=row.source_id, kind=row.kind, kind_label=origin.label, name=origin.name(row.settings),
        settings=row.settings, secrets_set=_names(row), mapping=row.mapping, every_minutes=row.every_minutes,
        enabled=row.enabled, problem=row.problem, next_pull_at=row.next_pull_at, caught_up_at=row.caught_up_at,
        read_until=_told(cursor), newest=_told(newest), behind_seconds=_behind(cursor, newest),
        runs=[_run(one) for one in runs],
    )  # fmt: skip


def _run(row: PullRun) -> RunView:
    return RunView(
        row.pk, row.state, row.rows, row.items, row.refused, row.unchanged, row.gone, row.started_at, row.finished_at
    )


def _names(row: Pull) -> tuple[str, ...]:
    try:
        return tuple(reveal(row))
    except crypto.CannotDecrypt:
        return ()


def _value(kept: Sequence[str] | None) -> Any:
    return values.decode(kept) if kept else None


def _told(cursor: Any) -> str:
    at = values.instant(cursor)
    return str(clock.iso(at)) if at else "" if cursor is None else str(cursor)


def _behind(cursor: Any, newest: Any) -> float | None:
    here, there = values.instant(cursor), values.instant(newest)
    return max(0.0, (there - here).total_seconds()) if here and there else None
