"""Reading imports."""

from collections.abc import Iterator
from typing import Any

from connectors.imports.contracts import Counts, ImportView, Layout
from connectors.imports.models import Import
from connectors.storage.services import read_file


def imports(*, source_id: int, before: int | None = None, limit: int = 50) -> list[ImportView]:
    """Those of a source, newest first, by keyset."""
    found = Import.objects.select_related("file", "problems").filter(source_id=source_id)
    if before is not None:
        found = found.filter(pk__lt=before)
    return [view(row) for row in found.order_by("-pk")[:limit]]


def one_import(import_id: int) -> ImportView | None:
    """One import, or None."""
    row = Import.objects.select_related("file", "problems").filter(pk=import_id).first()
    return view(row) if row else None


def import_problems(import_id: int) -> Iterator[bytes]:
    """What is to be said of single rows, as CSV, a part at a time."""
    file_id = Import.objects.filter(pk=import_id).values_list("problems_id", flat=True).first()
    return read_file(file_id) if file_id else iter(())


def view(row: Import) -> ImportView:
    """One row as it is handed out."""
    return ImportView(
        id=row.pk, source_id=row.source_id, file_name=row.file_name, file_size=row.file.size if row.file else None,
        layout=Layout(**{**row.layout, "sheets": tuple(row.layout.get("sheets", ()))}), header=tuple(row.header),
        mapping=row.mapping, state=row.state, dry=row.dry, checked=_counts(row.checked), counts=_counts(row.counts),
        has_problems=bool(row.problems and row.problems.parts.exists()), job_id=row.job_id, error=row.error,
        created_by=row.created_by, created_at=row.created_at, finished_at=row.finished_at,
        undo_state=row.undo_state, undo_job_id=row.undo_job_id, undo_error=row.undo_error, undone=row.undone,
        can_be_undone=row.state in ("done", "cancelled", "failed") and row.slices.exists(),
    )  # fmt: skip


def _counts(told: dict[str, Any] | None) -> Counts | None:
    return Counts(**told) if told else None
