"""Files that came in: what became of their rows, and their undo."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor, sees_personal_data
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.imports import ImportShape, UndoIn
from cdp.api.views.base import ApiView, Page, accepted, body, expect_id, shaped
from cdp.nudge import RUN_UNDOS, wake
from common import clock
from connectors import selectors, services
from connectors.contracts import ImportView


class SourceImports(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}
    paged = True

    @extend_schema(operation_id="listImports", summary="List the files of a source", tags=["sources"],
                   responses=page_of(ImportShape))  # fmt: skip
    def get(self, request: Request, source_id: str) -> Response:
        """Newest first."""
        found = selectors.source(expect_id(source_id))
        if found is None:
            raise Problem("not-found")
        page = Page(request)
        rows = selectors.imports(source_id=found.id, before=page.start(), limit=page.limit + 1)
        return page.answer(rows, lambda row: _shown(row, request), lambda row: [row.id])


class Import(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}

    @extend_schema(operation_id="getImport", summary="Get a file", tags=["sources"], responses=ImportShape)
    def get(self, request: Request, import_id: str) -> Response:
        """One file with what became of its rows."""
        return Response(_shown(_expect(import_id), request))


class ImportUndo(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "admin:*"}

    @extend_schema(operation_id="undoImport", summary="Undo an import", tags=["sources"], request=UndoIn,
                   responses={202: ImportShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, import_id: str) -> Response:
        """Its rows leave the log, and people, traits and segments become what they would be without the file. A worker
        does it; the import's `undo_state` tells how far it is."""
        wanted = body(request, UndoIn)
        try:
            asked = services.request_undo(
                import_id=_expect(import_id).id, dry=wanted["dry_run"], by=actor(request), via="api", now=clock.now()
            )
        except services.NotNow as why:
            raise Problem("conflict", str(why)) from None
        wake(RUN_UNDOS)
        return accepted(_shown(asked, request), f"/api/v1/imports/{asked.id}")


def _shown(row: ImportView, request: Request) -> Any:
    """Numbers that may be of a person are for tokens that may see personal data."""
    told = shaped(ImportShape, request)(row)
    for name in ("checked", "counts"):
        if told[name] and not sees_personal_data(request):
            told[name] = {**told[name], "columns": selectors.conceal_columns(told[name]["columns"], row.mapping)}
    return told


def _expect(import_id: str) -> ImportView:
    found: Any = selectors.one_import(expect_id(import_id))
    if found is None:
        raise Problem("not-found")
    return found
