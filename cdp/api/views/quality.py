"""Figures of quality by day, and alerts."""

from datetime import timedelta
from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.filters import Filters
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.quality import AlertShape, FigureShape, FillShape, LimitIn, LimitShape
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from common import clock
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import BadLimit, NoSuchAlert

_BACK = timedelta(days=29)


class FigureFilters(Filters):
    event = django_filters.CharFilter(max_length=500)
    source_id = django_filters.CharFilter(max_length=20)


class Figures(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    filterset_class = FigureFilters
    paged = True

    @extend_schema(operation_id="listQualityFigures", summary="Figures of quality by day", tags=["sources"],
                   responses=page_of(FigureShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of the last 30 days, the newest first."""
        return counted_page(request, FigureShape, selectors.figures(**_asked(self.criteria(request))))


class Fill(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    filterset_class = FigureFilters
    paged = True

    @extend_schema(operation_id="listQualityFill", summary="How full properties are, by day", tags=["sources"],
                   responses=page_of(FillShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of the last 30 days, by event and property."""
        return counted_page(request, FillShape, selectors.fills(**_asked(self.criteria(request))))


def _asked(criteria: Any) -> dict[str, Any]:
    source = criteria.value("source_id", default="")
    return {"since": (clock.now() - _BACK).date(), "name": criteria.value("event", default=""),
            "source_id": expect_id(source) if source else None}  # fmt: skip


class AlertFilters(Filters):
    state = django_filters.ChoiceFilter(
        choices=[(one, one) for one in ("open", "acknowledged", "closed")], help_text="`open` by default."
    )


class Alerts(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    filterset_class = AlertFilters
    paged = True

    @extend_schema(operation_id="listQualityAlerts", summary="Alerts over quality", tags=["sources"],
                   responses=page_of(AlertShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first."""
        page = Page(request)
        state = self.criteria(request).value("state", default="open")
        rows = selectors.alerts(state=state, before_id=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(AlertShape, request), lambda row: [row.id])


class AlertAcknowledged(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "admin:*"}

    @extend_schema(operation_id="acknowledgeQualityAlert", summary="Acknowledge an alert", tags=["sources"],
                   request=None, responses=AlertShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, alert_id: str) -> Response:
        """Somebody has seen it."""
        number = expect_id(alert_id)
        try:
            services.acknowledge_alert(alert_id=number, by=actor(request), via="api", now=clock.now())
        except NoSuchAlert as wrong:
            raise Problem("not-found", str(wrong)) from None
        return Response(shaped(AlertShape, request)(selectors.alert(number)))


class Limits(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*"}
    paged = True

    @extend_schema(operation_id="listFreshnessLimits", summary="List limits of freshness", tags=["sources"],
                   responses=page_of(LimitShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """With when the last event came, and whether the limit is passed."""
        return counted_page(request, LimitShape, selectors.limits(now=clock.now()))

    @extend_schema(operation_id="keepFreshnessLimit", summary="Set a limit of freshness", tags=["sources"],
                   request=LimitIn, responses=LimitShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """It takes the place of the one about the same source and event."""
        given, now = body(request, LimitIn), clock.now()
        if connectors.source(given["source_id"]) is None:
            raise Problem("not-found", "There is no such source.")
        try:
            made = services.keep_limit(by=actor(request), via="api", now=now, **given)
        except BadLimit as wrong:
            field, _, words = str(wrong).partition(": ")
            raise Problem(
                "invalid-request", str(wrong), errors=[{"pointer": f"/{field}", "code": "invalid", "message": words}]
            ) from None
        return Response(shaped(LimitShape, request)(selectors.limits(now=now, limit_id=made)[0]))


class OneLimit(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "admin:*"}

    @extend_schema(operation_id="dropFreshnessLimit", summary="Take a limit of freshness back", tags=["sources"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, limit_id: str) -> Response:
        """Its alert passes within a minute."""
        if not services.drop_limit(limit_id=expect_id(limit_id), by=actor(request), now=clock.now(), via="api"):
            raise Problem("not-found")
        return Response(status=204)
