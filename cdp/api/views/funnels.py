"""Funnels and paths, counted over the log when they are asked for."""

from collections.abc import Callable
from datetime import date
from typing import Any, ClassVar, TypeVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.funnels import FunnelAsked, FunnelIn, FunnelResultShape, FunnelShape, PathAsked, PathResultShape
from cdp.api.views.base import ApiView, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from common import clock
from insights import selectors, services
from insights.contracts import BadFunnel, BadKpi, FunnelSpec, PathSpec, Period

T = TypeVar("T")


class Funnels(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listFunnels", summary="Kept funnels", tags=["insights"],
                   responses=page_of(FunnelShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """By name."""
        return counted_page(request, FunnelShape, selectors.funnels())

    @extend_schema(operation_id="keepFunnel", summary="Keep a funnel", tags=["insights"], request=FunnelIn,
                   responses=FunnelShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Under its name; another one of that name goes."""
        told = body(request, FunnelIn)
        spec = _judged(lambda: FunnelSpec.from_json(told["spec"]))
        made = _judged(
            lambda: services.keep_funnel(name=told["name"], spec=spec, by=actor(request), now=clock.now(), via="api")
        )
        return Response(shaped(FunnelShape, request)(made))


class Funnel(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "segments:write"}

    @extend_schema(operation_id="removeFunnel", summary="Remove a kept funnel", tags=["insights"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, funnel_id: str) -> Response:
        """What it counted is kept nowhere."""
        found = expect_id(funnel_id)
        if not any(one.id == found for one in selectors.funnels()):
            raise Problem("not-found", "There is no such funnel.")
        services.remove_funnel(funnel_id=found, by=actor(request), now=clock.now(), via="api")
        return Response(status=204)


class FunnelCount(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:read"}

    @extend_schema(operation_id="countFunnel", summary="Count a funnel", tags=["insights"], request=FunnelAsked,
                   responses=FunnelResultShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Whoever takes the first step in the period, by the attempt that comes furthest. Values of a property that
        look personal are masked."""
        told = body(request, FunnelAsked)
        spec = _judged(lambda: FunnelSpec.from_json(told["spec"]))
        found = _judged(lambda: selectors.funnel(spec, period=_period(told), now=clock.now()))
        return Response(shaped(FunnelResultShape, request)(found))


class PathCount(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:read"}

    @extend_schema(operation_id="countPaths", summary="What happens after or before an event", tags=["insights"],
                   request=PathAsked, responses=PathResultShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """The most frequent events of each place by name, the rest together."""
        told = body(request, PathAsked)
        asked = {name: told[name] for name in told if name not in ("first", "last")}
        found = _judged(lambda: selectors.paths(PathSpec(**asked), period=_period(told), now=clock.now()))
        return Response(shaped(PathResultShape, request)(found))


def _period(told: dict[str, Any]) -> Period:
    first: date | None = told.get("first")
    return selectors.asked_period(now=clock.now(), first=first, last=told.get("last"), days=None)


_FIELDS = {"from": "first", "to": "last", "steps": "spec/steps", "property": "spec/property", "order": "spec/order",
           "by": "spec/by", "within_seconds": "spec/within_seconds"}  # fmt: skip


def _judged(act: Callable[[], T]) -> T:
    try:
        return act()
    except (BadFunnel, BadKpi) as wrong:
        field, _, message = str(wrong).partition(": ")
        named = bool(message) and field.isidentifier()
        raise invalid_field(f"/{_FIELDS.get(field, field)}" if named else "", message or str(wrong)) from None
