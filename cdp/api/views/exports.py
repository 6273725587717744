"""Exports: the members of a segment as a file."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import downloads
from cdp.api.auth import actor, sees_personal_data
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.exports import ExportIn, ExportShape
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, accepted, body, expect_id, shaped
from cdp.api.views.segments import expect_segment
from cdp.nudge import WRITE_EXPORTS, wake
from common import clock
from connectors import selectors, services
from connectors.contracts import BadColumns, ExportView


class SegmentExports(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:read"}
    paged = True

    @extend_schema(operation_id="listExports", summary="List exports of a segment", tags=["segments"],
                   responses=page_of(ExportShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.exports(
            segment_id=expect_segment(reference).id, before_id=page.start(), limit=page.limit + 1
        )  # fmt: skip
        return page.answer(rows, shaped(ExportShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createExport", summary="Export the members of a segment", tags=["segments"],
                   request=ExportIn, responses={202: ExportShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """A worker writes the file within seconds; follow the export until its state is `done`. The members are those
        of one version, `version`, and the file is kept for a week."""
        segment, wanted = expect_segment(reference), body(request, ExportIn)
        if wanted["personal"] and not sees_personal_data(request):
            raise Problem("missing-scope", "This needs the scope `profiles:pii`.", more={"scope": "profiles:pii"})
        try:
            made = services.request_export(
                segment_id=segment.id, file_format=wanted["format"], columns=wanted["columns"],
                personal=wanted["personal"], by=actor(request), via="api", now=clock.now(),
            )  # fmt: skip
        except BadColumns as wrong:
            raise invalid_field("/columns", str(wrong)) from None
        wake(WRITE_EXPORTS)
        return accepted(shaped(ExportShape, request)(made), f"/api/v1/exports/{made.id}")


class OneExport(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}

    @extend_schema(operation_id="getExport", summary="Get an export", tags=["segments"], responses=ExportShape)
    def get(self, request: Request, export_id: str) -> Response:
        """One export with its state; its progress is that of the job."""
        return Response(shaped(ExportShape, request)(_expect(export_id)))


class ExportFile(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    may_conflict = True

    @extend_schema(operation_id="getExportFile", summary="Download an export", tags=["segments"],
                   responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})  # fmt: skip
    def get(self, request: Request, export_id: str) -> Any:
        """The file. One with personal data needs the scope `profiles:pii`; each download is in the audit log."""
        export = _expect(export_id)
        if export.personal and not sees_personal_data(request):
            raise Problem("missing-scope", "This needs the scope `profiles:pii`.", more={"scope": "profiles:pii"})
        if not export.available:
            raise Problem("conflict", f"The file is not there: the export is {export.state}.")
        services.note_download(export, by=actor(request), via="api")
        return downloads.export_answer(export)


def _expect(text: str) -> ExportView:
    found = selectors.export(expect_id(text))
    if found is None:
        raise Problem("not-found", "There is no such export.")
    return found
