"""Undoing an import: who asked for it, which messages were its own, and how far it is. The pipeline does the work."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import orjson
import psycopg
from django.db import transaction

from common import audit, clock, jobs
from connectors.imports.contracts import ImportView, Marks, Undo
from connectors.imports.models import Import
from connectors.imports.selectors import view
from connectors.imports.services import NotNow
from connectors.storage.services import delete_files

_ENDED = (Import.State.DONE, Import.State.CANCELLED, Import.State.FAILED)
_MINE = "select received_at, hashes from connectors_importslice where import_id = %s order by id"
# Those of the other imports of the same source: a row that they brought, too, stays.
_OTHERS = """
select s.received_at, s.hashes from connectors_importslice s
join connectors_import i on i.id = s.import_id
where i.source_id = %s and i.id <> %s order by s.id
"""
_NOTE = "update connectors_import set undone = %s where id = %s"


@transaction.atomic
def request_undo(*, import_id: int, dry: bool, by: str, now: datetime, via: str = "ui") -> ImportView:
    """Have an import undone, or only have counted what that would take away (`dry`). Raises NotNow."""
    row = Import.objects.select_for_update().get(pk=import_id)
    if row.undo_state in (Import.Undo.COUNTING, Import.Undo.UNDER_WAY):
        raise NotNow("Somebody asked for this already; the page shows how far it is.")
    if row.undo_state == Import.Undo.DONE:
        raise NotNow("This import was undone.")
    if row.state not in _ENDED:
        raise NotNow("Only an import that came to an end can be undone. Stop its job first.")
    if not row.slices.exists():
        raise NotNow("No row of this file came in, or it came in before imports could be undone.")
    row.undo_state = Import.Undo.COUNTING if dry else Import.Undo.UNDER_WAY
    row.undo_requested_at, row.undo_error, row.undone = now, "", None
    what = "Count the undo" if dry else "Undo"
    row.undo_job_id = jobs.start("undo", f"{what} of {row.file_name}"[:200], by=by)
    row.save()
    if not dry:
        audit.record(
            actor=by, via=via, action="import.undo_requested", object_type="source", object_id=row.source_id, at=now,
            summary=f"Asked to undo the import of {row.file_name}", after={"import_id": row.pk},
        )  # fmt: skip
    return view(row)


def open_undos() -> list[Undo]:
    """What is to be counted or undone, the oldest first."""
    rows = Import.objects.filter(undo_state__in=(Import.Undo.COUNTING, Import.Undo.UNDER_WAY)).order_by("pk")
    return [_undo(row) for row in rows]


def undo_of(import_id: int) -> Undo | None:
    """The open undo of an import, or None when there is none any more."""
    return next((one for one in open_undos() if one.import_id == import_id), None)


def _undo(row: Import) -> Undo:
    return Undo(
        import_id=row.pk, source_id=row.source_id, file_name=row.file_name,
        dry=row.undo_state == Import.Undo.COUNTING, job_id=row.undo_job_id or 0,
        requested_at=row.undo_requested_at or row.created_at, counts=dict(row.undone or {}),
    )  # fmt: skip


def undo_marks(conn: psycopg.Connection[Any], undo: Undo) -> Marks:
    """By what the events of an import are known in the log."""
    hashes, received = _slices(conn.execute(_MINE, [undo.import_id]).fetchall())
    order = np.argsort(hashes, kind="stable")
    hashes, received = hashes[order], received[order]
    others: dict[int, list[int]] = {}
    with psycopg.ServerCursor(conn, "other_imports") as cursor:
        cursor.itersize = 100
        for row in cursor.execute(_OTHERS, [undo.source_id, undo.import_id]):
            theirs, at = _slices([row])
            shared = np.isin(theirs, hashes)
            for one, moment in zip(theirs[shared].tolist(), at[shared].tolist(), strict=True):
                others.setdefault(one, []).append(moment)
    return Marks(
        source_id=undo.source_id, since=clock.from_micros(int(received.min()) if len(received) else 0),
        until=undo.requested_at, hashes=hashes, received_us=received, others=others,
    )  # fmt: skip


def _slices(rows: list[Any]) -> tuple[Any, Any]:
    parts = [np.frombuffer(bytes(hashes), dtype=np.uint64) for _, hashes in rows]
    moments = [np.full(len(part), clock.micros(at), dtype=np.int64) for (at, _), part in zip(rows, parts, strict=True)]
    if not parts:
        return np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int64)
    return np.concatenate(parts), np.concatenate(moments)


def note_undone(conn: psycopg.Connection[Any], import_id: int, counts: Mapping[str, int]) -> None:
    """Keep what was taken back so far, in the transaction that takes it back."""
    conn.execute(_NOTE, [orjson.dumps(dict(counts)).decode(), import_id])


@transaction.atomic
def end_undo(undo: Undo, *, counts: Mapping[str, int], now: datetime, error: str = "", stopped: bool = False) -> None:
    """Note the end. One that failed or was stopped can be asked for again, and goes on with what is left."""
    row = Import.objects.select_for_update().get(pk=undo.import_id)
    row.undo_error, row.undone = error, dict(counts)
    done = not (error or stopped)
    row.undo_state = Import.Undo.DONE if done and not undo.dry else Import.Undo.COUNTED if done else Import.Undo.NONE
    row.save()
    jobs.finish(undo.job_id, counts=dict(counts), error=error)
    if row.undo_state != Import.Undo.DONE:
        return
    row.slices.all().delete()
    if row.problems_id:
        delete_files([row.problems_id])
    audit.record(
        actor="system", via="task", action="import.undone", object_type="source", object_id=row.source_id, at=now,
        summary=f"Undid the import of {row.file_name}: {counts.get('events', 0)} events",
        after={"import_id": row.pk, "counts": dict(counts)},
    )  # fmt: skip
