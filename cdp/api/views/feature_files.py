"""Feature files and training sets as Parquet."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import downloads
from cdp.api.auth import actor, sees_personal_data
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.feature_files import FeatureFileIn, FeatureFileShape
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, accepted, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from cdp.nudge import WRITE_EXPORTS, wake
from common import clock
from insights import selectors, services
from insights.contracts import BadTable, FeatureFileView

_READ: dict[str, str] = {"get": "profiles:read"}
_PII = {"scope": "profiles:pii"}


class FeatureFiles(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listFeatureFiles", summary="Feature files", tags=["insights"],
                   responses=page_of(FeatureFileShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first, of the last thousand."""
        return counted_page(request, FeatureFileShape, selectors.tables(limit=1000))

    @extend_schema(operation_id="createFeatureFile", summary="Write features to a file", tags=["insights"],
                   request=FeatureFileIn, responses={202: FeatureFileShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A worker writes it; follow it until its state is `done`. It is kept for a week."""
        wanted = body(request, FeatureFileIn)
        if wanted["personal"] and not sees_personal_data(request):
            raise Problem("missing-scope", "This needs the scope `profiles:pii`.", more=_PII)
        try:
            made = services.request_table(**wanted, by=actor(request), now=clock.now(), via="api")
        except BadTable as wrong:
            field, _, message = str(wrong).partition(": ")
            raise invalid_field(f"/{field}", message) from None
        wake(WRITE_EXPORTS)
        return accepted(shaped(FeatureFileShape, request)(made), f"/api/v1/insights/tables/{made.id}")


class FeatureFile(ApiView):
    scopes = _READ

    @extend_schema(operation_id="getFeatureFile", summary="One feature file", tags=["insights"],
                   responses=FeatureFileShape)  # fmt: skip
    def get(self, request: Request, table_id: str) -> Response:
        """With its state; its progress is that of the job."""
        return Response(shaped(FeatureFileShape, request)(_expect(table_id)))


class FeatureFileContent(ApiView):
    scopes = _READ
    may_conflict = True

    @extend_schema(operation_id="getFeatureFileContent", summary="Download a feature file", tags=["insights"],
                   responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})  # fmt: skip
    def get(self, request: Request, table_id: str) -> Any:
        """One with personal data needs the scope `profiles:pii`; each download is in the audit log."""
        found = _expect(table_id)
        if found.personal and not sees_personal_data(request):
            raise Problem("missing-scope", "This needs the scope `profiles:pii`.", more=_PII)
        if not found.available:
            raise Problem("conflict", f"The file is not there: it is {found.state}.")
        services.note_table_download(found, by=actor(request), now=clock.now(), via="api")
        return downloads.table_answer(found)


def _expect(text: str) -> FeatureFileView:
    found = selectors.table(expect_id(text))
    if found is None:
        raise Problem("not-found", "There is no such feature file.")
    return found
