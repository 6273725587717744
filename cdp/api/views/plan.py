"""The tracking plan: read, decide, enforce, and what did not fit."""

from datetime import timedelta
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.plan import BlockIn, DecisionIn, EnforcementIn, PlannedShape, PlanReportShape, ViolationShape
from cdp.api.views.base import ApiView, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from common import clock
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import BadSchema

_BACK = timedelta(days=30)


class Plan(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*"}
    paged = True

    @extend_schema(operation_id="listPlannedEvents", summary="The catalogue of events", tags=["sources"],
                   responses=page_of(PlannedShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Every event that came or was planned, by name."""
        return counted_page(request, PlannedShape, selectors.planned(now=clock.now()))

    @extend_schema(operation_id="decideEvent", summary="Accept an event into the plan, or ignore it", tags=["sources"],
                   request=DecisionIn, responses=PlannedShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The same again changes nothing; another schema is the next version."""
        wanted, now = body(request, DecisionIn), clock.now()
        try:
            services.decide_event(by=actor(request), via="api", now=now, **wanted)
        except BadSchema as wrong:
            raise invalid_field("/schema", str(wrong)) from None
        return Response(shaped(PlannedShape, request)(selectors.planned_event(wanted["name"], now=now)))


class SourceEnforcement(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "admin:*"}

    @extend_schema(operation_id="enforcePlan", summary="Enforce the plan for a source", tags=["sources"],
                   request=EnforcementIn, responses=EnforcementIn)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """What becomes of items that do not fit, from the next batch on."""
        wanted, number = body(request, EnforcementIn), expect_id(source_id)
        if connectors.source(number) is None:
            raise Problem("not-found", "There is no such source.")
        kept = services.keep_enforcement(
            source_id=number, by=actor(request), via="api", now=clock.now(), **wanted
        )  # fmt: skip
        return Response({"unplanned": kept.unplanned, "invalid": kept.invalid})


class PlanReports(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listPlanReports", summary="Monthly reports of the plan", tags=["sources"],
                   responses=page_of(PlanReportShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first, by owner."""
        return counted_page(request, PlanReportShape, selectors.plan_reports())


class SourceBlock(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*"}

    @extend_schema(operation_id="getPersonalBlock", summary="What becomes of personal data that is not planned",
                   tags=["sources"], responses=BlockIn)  # fmt: skip
    def get(self, request: Request, source_id: str) -> Response:
        """By class."""
        return Response(selectors.block_of(_source(source_id)))

    @extend_schema(operation_id="keepPersonalBlock", summary="Block personal data that is not planned",
                   tags=["sources"], request=BlockIn, responses=BlockIn)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """From the next batch on."""
        wanted, number = body(request, BlockIn), _source(source_id)
        return Response(services.keep_block(
            source_id=number, classes=wanted, by=actor(request), via="api", now=clock.now()
        ))  # fmt: skip


def _source(source_id: str) -> int:
    number = expect_id(source_id)
    if connectors.source(number) is None:
        raise Problem("not-found", "There is no such source.")
    return number


class Violations(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listViolations", summary="What did not fit the plan", tags=["sources"],
                   responses=page_of(ViolationShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of the last 30 days, by day and how often."""
        found = selectors.violations(since=(clock.now() - _BACK).date(), limit=5_000)
        return counted_page(request, ViolationShape, found)
