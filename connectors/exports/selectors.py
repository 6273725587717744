"""Reading exports and their files."""

from collections.abc import Iterator
from datetime import timedelta

from connectors.exports.contracts import ExportView
from connectors.exports.models import Export
from connectors.storage.services import read_file

KEPT = timedelta(days=7)


def exports(*, segment_id: int, limit: int = 50, before_id: int | None = None) -> list[ExportView]:
    """Those of a segment, newest first."""
    found = Export.objects.filter(segment_id=segment_id).order_by("-pk")
    return [view(row) for row in (found.filter(pk__lt=before_id) if before_id else found)[:limit]]


def export(export_id: int) -> ExportView | None:
    """One export, or None."""
    row = Export.objects.filter(pk=export_id).first()
    return view(row) if row else None


def export_file(export_id: int) -> Iterator[bytes]:
    """The file, a part at a time."""
    file_id = Export.objects.filter(pk=export_id).values_list("file_id", flat=True).first()
    return read_file(file_id) if file_id else iter(())


def view(row: Export) -> ExportView:
    """One row as it is handed out."""
    return ExportView(
        id=row.pk, segment_id=row.segment_id, slug=row.slug, file_format=row.file_format, columns=tuple(row.columns),
        personal=row.personal, state=row.state, job_id=row.job_id, at_seq=row.at_seq, rows=row.rows, size=row.size,
        error=row.error, requested_by=row.requested_by, created_at=row.created_at, finished_at=row.finished_at,
        expires_at=row.finished_at + KEPT if row.finished_at and row.state == Export.State.DONE else None,
    )  # fmt: skip
