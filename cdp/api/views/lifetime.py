"""Customer lifetime value: the newest computation, and how far ahead is looked."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import references
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.lifetime import LifetimeOfShape, LifetimeSettingShape, LifetimeShape
from cdp.api.views.base import ApiView, body, shaped
from cdp.api.views.insights import judged
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
        """Days, and the method that was chosen."""
        return Response({"horizon_days": selectors.lifetime_horizon(), "method": selectors.lifetime_method()})

    @extend_schema(operation_id="changeLifetimeSetting", summary="Say how far ahead is looked", tags=["insights"],
                   request=LifetimeSettingShape, responses=LifetimeSettingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The next run follows it."""
        wanted = body(request, LifetimeSettingShape)
        days, method = services.keep_lifetime_setting(**wanted, by=actor(request), now=clock.now(), via="api")
        return Response({"horizon_days": days, "method": method})


class ProfileLifetime(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}

    @extend_schema(operation_id="getProfileLifetime", summary="The value of a profile", tags=["insights"],
                   responses=LifetimeOfShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """As of the newest computation, by its method, with the reasons."""
        profile_id = references.expect_profile(reference)
        found = judged(lambda: selectors.lifetime_of(profile_id))
        if found is None:
            raise Problem("not-found", "They were no customer at the newest computation, or there is none.")
        return Response(shaped(LifetimeOfShape, request)(found))
