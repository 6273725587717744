"""Customer lifetime value: the newest computation, and how far ahead is looked."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.lifetime import LifetimeSettingShape, LifetimeShape
from cdp.api.views.base import ApiView, body, shaped
from common import clock
from insights import selectors, services


class Lifetime(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}

    @extend_schema(operation_id="getLifetime", summary="The value of customers", tags=["insights"],
                   responses=LifetimeShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """What is expected of all of them, and how right that was in the last closed window."""
        found = selectors.lifetime()
        if found is None:
            raise Problem("not-found", "Nothing is computed yet: ask for a run of kind `lifetime`.")
        return Response(shaped(LifetimeShape, request)(found))


class LifetimeSetting(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}

    @extend_schema(operation_id="getLifetimeSetting", summary="How far ahead is looked", tags=["insights"],
                   responses=LifetimeSettingShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """Days."""
        return Response({"horizon_days": selectors.lifetime_horizon()})

    @extend_schema(operation_id="changeLifetimeSetting", summary="Say how far ahead is looked", tags=["insights"],
                   request=LifetimeSettingShape, responses=LifetimeSettingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The next run follows it."""
        wanted = body(request, LifetimeSettingShape)
        kept = services.keep_lifetime_horizon(
            wanted["horizon_days"], by=actor(request), now=clock.now(), via="api"
        )  # fmt: skip
        return Response({"horizon_days": kept})
