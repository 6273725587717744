"""KPIs: over a period, by day, beside a baseline; and the time line."""

from collections.abc import Callable
from datetime import date
from typing import ClassVar, TypeVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field, invalid_parameter
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.kpis import AnnotationIn, AnnotationShape, BaselineIn, BaselineShape, KpiDayShape, KpiReportShape
from cdp.api.views.base import ApiView, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from common import clock
from insights import selectors, services
from insights.contracts import BadKpi, KpiReport, Period

T = TypeVar("T")
_ASKED = ("from", "to", "days", "compare", "by", "baseline")


class Kpis(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    parameters = _ASKED

    @extend_schema(operation_id="getKpis", summary="KPIs of a period", tags=["insights"], responses=KpiReportShape)
    def get(self, request: Request) -> Response:
        """`from` and `to` are days, `days` their number up to `to` (28 up to yesterday when left out); `compare` is
        before, year or none; `by` is segment, channel or source; `baseline` is the name of one."""
        return Response(shaped(KpiReportShape, request)(_report(request)))


class KpiDays(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    parameters = ("from", "to", "days", "by")
    paged = True

    @extend_schema(operation_id="listKpiDays", summary="One KPI by day", tags=["insights"],
                   responses=page_of(KpiDayShape))  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        """By day and value of the breakdown; a day of which nothing was counted is left out."""
        kpi = selectors.KPIS.get(slug)
        if kpi is None:
            raise Problem("not-found", "There is no KPI of this name.")
        report = _report(request)
        found = selectors.kpi_days(kpi=kpi, period=report.period, by=request.query_params.get("by", ""))
        names = ("day", "key", "name", "value", "numerator", "denominator")
        return counted_page(request, KpiDayShape, [dict(zip(names, row, strict=True)) for row in found])


def _report(request: Request) -> KpiReport:
    query = request.query_params
    days = query.get("days", "")
    if days and not (days.isdecimal() and 0 < len(days) < 5 and int(days)):
        raise invalid_parameter("days", "Give a number of days.")
    try:
        return selectors.kpi_report(
            now=clock.now(), first=_day(query.get("from", ""), "from"), last=_day(query.get("to", ""), "to"),
            days=int(days) if days else None, compare=query.get("compare", "before"), by=query.get("by", ""),
            baseline_name=query.get("baseline", ""),
        )  # fmt: skip
    except BadKpi as wrong:
        field, _, message = str(wrong).partition(": ")
        raise invalid_parameter(field, message) from None


def _day(told: str, name: str) -> date | None:
    try:
        return date.fromisoformat(told) if told else None
    except ValueError:
        raise invalid_parameter(name, "Give a day: 2026-01-31.") from None


class Annotations(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listAnnotations", summary="The time line", tags=["insights"],
                   responses=page_of(AnnotationShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first."""
        return counted_page(request, AnnotationShape, selectors.annotations(limit=1000))

    @extend_schema(operation_id="annotate", summary="Put something on the time line", tags=["insights"],
                   request=AnnotationIn, responses=AnnotationShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """`at` is now when it is left out."""
        wanted, now = body(request, AnnotationIn), clock.now()
        at = wanted.pop("at", None) or now
        made = _judged(lambda: services.annotate(at=at, **wanted, by=actor(request), now=now, via="api"))
        return Response(shaped(AnnotationShape, request)(made))


class Annotation(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "segments:write"}

    @extend_schema(operation_id="removeAnnotation", summary="Take a note off the time line", tags=["insights"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, annotation_id: str) -> Response:
        """What the product told of itself stays."""
        found = expect_id(annotation_id)
        if not any(one.id == found for one in selectors.annotations(limit=100_000)):
            raise Problem("not-found", "There is no such note.")
        _judged(lambda: services.remove_annotation(annotation_id=found, by=actor(request), now=clock.now(), via="api"))
        return Response(status=204)


class Baselines(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listBaselines", summary="Baselines", tags=["insights"],
                   responses=page_of(BaselineShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """By name."""
        return counted_page(request, BaselineShape, selectors.baselines())

    @extend_schema(operation_id="keepBaseline", summary="Keep a baseline", tags=["insights"], request=BaselineIn,
                   responses=BaselineShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The sums of these days as they are now."""
        told = body(request, BaselineIn)
        if told["first"] > told["last"]:
            raise invalid_field("/first", "The first day comes before the last.")
        made = _judged(
            lambda: services.keep_baseline(
                name=told["name"], period=Period(told["first"], told["last"]), by=actor(request), now=clock.now(),
                via="api",
            )
        )  # fmt: skip
        return Response(shaped(BaselineShape, request)(made))


class Baseline(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "segments:write"}

    @extend_schema(operation_id="removeBaseline", summary="Remove a baseline", tags=["insights"], responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Pages that name it say so."""
        if not any(one.name == name for one in selectors.baselines()):
            raise Problem("not-found", "There is no baseline of this name.")
        _judged(lambda: services.remove_baseline(name=name, by=actor(request), now=clock.now(), via="api"))
        return Response(status=204)


_FIELDS = {"from": "first", "to": "last"}


def _judged(act: Callable[[], T]) -> T:
    try:
        return act()
    except BadKpi as wrong:
        field, _, message = str(wrong).partition(": ")
        named = bool(message) and field.isidentifier()
        raise invalid_field(
            f"/{_FIELDS.get(field, field)}" if named else "", message if named else str(wrong)
        ) from None
