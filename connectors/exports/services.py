"""Asking for an export, and writing those that were asked for."""

import logging
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection, transaction

from common import audit, clock, jobs, pg
from common.models import Job
from connectors.exports import columns as export_columns
from connectors.exports.contracts import ExportView
from connectors.exports.models import Export
from connectors.exports.selectors import KEPT, view
from connectors.exports.writing import WRITERS, Writer
from connectors.storage.models import StoredFile
from connectors.storage.services import Parts, appending, delete_files
from connectors.syncs import people

log = logging.getLogger(__name__)


# "expo" in ASCII; one worker at a time writes one export, and a killed one lets go of it.
_LOCK = 0x6578706F
_SLICE = 5_000
_TELL = "update common_job set done = %s, total = %s, updated_at = now() where id = %s returning cancel_requested"


class _Stopped(Exception):
    """Somebody asked the job to stop."""


@transaction.atomic
def request_export(
    *, segment_id: int, file_format: str, columns: Sequence[str] = (), personal: bool = False, by: str, via: str = "ui",
    now: datetime,
) -> ExportView:  # fmt: skip
    """Ask for the members of a segment as a file; a worker writes it within seconds. Raises BadColumns.

    `personal`: with personal data as it is. Whoever calls this has checked that the asker may see it.
    """
    chosen = export_columns.checked(columns)
    facts = people.segment_facts(segment_id)
    title = f"Export of {facts['name']} as {Export.Format(file_format).label}"
    row = Export.objects.create(
        segment_id=segment_id, slug=facts["slug"], file_format=file_format, columns=chosen, personal=personal,
        job_id=jobs.start("export", title, by=by), requested_by=by, created_at=now,
    )  # fmt: skip
    audit.record(
        actor=by, action="export.requested", object_type="segment", object_id=segment_id, via=via, summary=title,
        after={"export_id": row.pk, "columns": chosen, "personal": personal},
    )  # fmt: skip
    return view(row)


def write_exports(*, now: datetime) -> int:
    """Write every export that waits, or that a process which died has left; answers how many files are ready."""
    done, ticker = 0, clock.Ticker(now)
    for export_id in Export.objects.filter(state=Export.State.WAITING).order_by("pk").values_list("pk", flat=True):
        with closing(pg.connect(autocommit=True)) as aside:
            mine = pg.try_lock(aside, _LOCK, export_id)
            row = Export.objects.filter(pk=export_id, state=Export.State.WAITING).first() if mine else None
            if row is not None:
                done += _write(row, aside, ticker)
    return done


def _write(row: Export, aside: psycopg.Connection[Any], ticker: clock.Ticker) -> bool:
    if row.file_id:
        delete_files([row.file_id])
    row.file = StoredFile.objects.create(name=f"{row.slug}.{row.file_format}", created_at=ticker())
    row.save(update_fields=["file"])
    out = Parts(appending(aside, row.file.pk))
    try:
        at_seq, written = _members_into(WRITERS[row.file_format](out, ["profile_id", *row.columns]), row, aside)
        out.close()
    except _Stopped:
        _end(row, Export.State.CANCELLED, at=ticker())
    except Exception as error:
        log.exception("export %s failed", row.pk)
        _end(row, Export.State.FAILED, error=f"The file could not be written: {type(error).__name__}.", at=ticker())
    else:
        _end(row, Export.State.DONE, at=ticker(), at_seq=at_seq, rows=written, size=out.size)
        return True
    return False


def _members_into(writer: Writer, row: Export, aside: psycopg.Connection[Any]) -> tuple[int, int]:
    """All members with their data as they are at one instant; answers the version of the ledger, and how many."""
    with transaction.atomic(durable=True):
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        at_seq = people.head_seq()
        members = people.members(segment_id=row.segment_id, at_seq=at_seq).tolist()
        written = 0
        for start in range(0, max(len(members), 1), _SLICE):
            told = aside.execute(_TELL, (start, len(members), row.job_id)).fetchone()
            if told and told[0]:
                raise _Stopped
            ids = members[start : start + _SLICE]
            known = people.read_people(ids)
            rows = [
                export_columns.row_of(one, known[one], row.columns, personal=row.personal)
                for one in ids
                if one in known
            ]
            writer.write(rows)
            written += len(rows)
    writer.finish()
    return at_seq, written


@transaction.atomic
def _end(row: Export, state: str, *, at: datetime, error: str = "", **figures: int) -> None:
    if state != Export.State.DONE and row.file_id:
        delete_files([row.file_id])
    Export.objects.filter(pk=row.pk).update(state=state, error=error, finished_at=at, **figures)
    written = figures.get("rows")
    if written is not None:
        Job.objects.filter(pk=row.job_id).update(done=written, total=written)
    jobs.finish(row.job_id, counts={"rows": written} if written is not None else {}, error=error)


def note_download(export: ExportView, *, by: str, via: str = "ui") -> None:
    """Put into the audit log that somebody took the file."""
    audit.record(
        actor=by, action="export.downloaded", object_type="segment", object_id=export.segment_id, via=via,
        summary=f"Took the file {export.file_name}",
        after={"export_id": export.id, "rows": export.rows, "personal": export.personal},
    )  # fmt: skip


def expire_exports(*, now: datetime) -> int:
    """Delete files that are older than a week; answers how many exports expired."""
    old = Export.objects.filter(state=Export.State.DONE, finished_at__lt=now - KEPT)
    files = list(old.exclude(file=None).values_list("file_id", flat=True))
    expired = old.update(state=Export.State.EXPIRED)
    delete_files(files)
    return expired
