"""Files that are given out as downloads."""

from django.http import StreamingHttpResponse

from connectors import selectors
from connectors.contracts import ExportView
from insights import selectors as insights
from insights.contracts import FeatureFileView

_TYPES = {
    "csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson", "parquet": "application/vnd.apache.parquet",
}  # fmt: skip


def export_answer(export: ExportView) -> StreamingHttpResponse:
    """The file of an export, a part at a time."""
    return StreamingHttpResponse(
        selectors.export_file(export.id), content_type=_TYPES[export.file_format],
        headers={
            "Content-Disposition": f'attachment; filename="{export.file_name}"',
            "Content-Length": str(export.size), "Cache-Control": "private, no-store",
        },
    )  # fmt: skip


def table_answer(table: FeatureFileView) -> StreamingHttpResponse:
    """A feature file, a part at a time."""
    return StreamingHttpResponse(
        insights.table_file(table.id), content_type=_TYPES["parquet"],
        headers={
            "Content-Disposition": f'attachment; filename="{table.file_name}"', "Content-Length": str(table.size),
            "Cache-Control": "private, no-store",
        },
    )  # fmt: skip


def document_answer(item_id: int, document: bytes) -> StreamingHttpResponse:
    """A document that cannot be read, byte for byte as it lay in the inbox."""
    return StreamingHttpResponse(
        [document], content_type="application/octet-stream",
        headers={
            "Content-Disposition": f'attachment; filename="document-{item_id}.json.zst"',
            "Content-Length": str(len(document)), "Cache-Control": "private, no-store",
        },
    )  # fmt: skip
