"""Sources and jobs."""

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor, token_of
from cdp.api.filters import Filters, YesNoFilter
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.operations import HandlingShape, JobShape, SourceIn, SourceShape
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from common import access, jobs
from common.models import Job as JobRow
from connectors import selectors as connector_selectors
from connectors import services as connector_services
from connectors.contracts import InvalidHandling


class SourceFilters(Filters):
    kind = django_filters.CharFilter(max_length=32)
    enabled = YesNoFilter()
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=120, help_text="Part of the name.")


class Sources(ApiView):
    scopes = {"get": "sync:read", "post": "admin:*"}
    filterset_class = SourceFilters
    paged = True

    @extend_schema(operation_id="listSources", summary="List sources", tags=["sources"],
                   responses=page_of(SourceShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of id."""
        page = Page(request)
        rows = self.criteria(request).keep(connector_selectors.sources())
        rows = sorted((row for row in rows if row.id > page.start(0, 0)), key=lambda row: row.id)
        return page.answer(rows, lambda row: _source(row, request), lambda row: [row.id])

    @extend_schema(operation_id="createSource", summary="Create a source", tags=["sources"],
                   request=SourceIn, responses={201: SourceShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The answer has the write key that the source's events are sent with."""
        wanted = body(request, SourceIn)
        try:
            made = connector_services.create_source(
                name=wanted["name"], kind=wanted["kind"], by=actor(request), via="api"
            )
        except ValueError as error:
            raise invalid_field("/kind", str(error), "unknown-kind") from None
        return Response(_source(made, request), status=201, headers={"Location": f"/api/v1/sources/{made.id}"})


class Source(ApiView):
    scopes = {"get": "sync:read"}

    @extend_schema(operation_id="getSource", summary="Get a source", tags=["sources"], responses=SourceShape)
    def get(self, request: Request, source_id: str) -> Response:
        """One source."""
        found = connector_selectors.source(expect_id(source_id))
        if found is None:
            raise Problem("not-found")
        return Response(_source(found, request))


class SourceHandling(ApiView):
    scopes = {"get": "sync:read", "post": "admin:*"}

    @extend_schema(operation_id="getSourceHandling", summary="How a source's items are handled", tags=["sources"],
                   responses=HandlingShape)  # fmt: skip
    def get(self, request: Request, source_id: str) -> Response:
        """Addresses, what is filled in, robots, and websites that may have the visitor cookie set."""
        found = connector_selectors.source(expect_id(source_id))
        if found is None:
            raise Problem("not-found")
        return Response(shaped(HandlingShape, request)(found))

    @extend_schema(operation_id="handleSource", summary="Change how a source's items are handled", tags=["sources"],
                   request=HandlingShape, responses=HandlingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """Holds within seconds. What is stored already stays as it is."""
        number, wanted = expect_id(source_id), body(request, HandlingShape)
        if connector_selectors.source(number) is None:
            raise Problem("not-found")
        try:
            kept = connector_services.keep_handling(source_id=number, by=actor(request), via="api", **wanted)
        except InvalidHandling as wrong:
            raise invalid_field(f"/{wrong.field}", str(wrong)) from None
        return Response(shaped(HandlingShape, request)(kept))


def _source(row: Any, request: Request) -> Any:
    return SourceShape(row, context={"keys": access.allows(token_of(request), "admin:*")}).data


class JobFilters(Filters):
    kind = django_filters.CharFilter(max_length=64)
    state = django_filters.ChoiceFilter(choices=JobRow.State.choices)


class Jobs(ApiView):
    scopes = {"get": "sync:read"}
    filterset_class = JobFilters
    paged = True

    @extend_schema(operation_id="listJobs", summary="List jobs", tags=["jobs"], responses=page_of(JobShape))
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = Page(request)
        rows = JobRow.objects.order_by("-pk")
        criteria = self.criteria(request)
        rows = rows.filter(**{field: value for field, _, value in criteria.asked})
        if page.position is not None:
            rows = rows.filter(pk__lt=page.start())
        return page.answer(list(rows[: page.limit + 1]), shaped(JobShape, request), lambda row: [row.pk])


class Job(ApiView):
    scopes = {"get": "sync:read", "delete": "sync:write"}

    @extend_schema(operation_id="getJob", summary="Get a job", tags=["jobs"], responses=JobShape)
    def get(self, request: Request, job_id: str) -> Response:
        """One job with its progress."""
        return Response(shaped(JobShape, request)(_job(job_id)))

    @extend_schema(operation_id="cancelJob", summary="Cancel a job", tags=["jobs"], responses={202: JobShape})
    def delete(self, request: Request, job_id: str) -> Response:
        """Asks the job to stop at its next step."""
        jobs.cancel(_job(job_id).pk)
        return Response(shaped(JobShape, request)(_job(job_id)), status=202)


def _job(text: str) -> JobRow:
    found = JobRow.objects.filter(pk=expect_id(text)).first()
    if found is None:
        raise Problem("not-found")
    return found
