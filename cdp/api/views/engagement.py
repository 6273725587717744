"""The engagement score: its weights, the newest computation, and one person's by parts."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import references
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.engagement import EngagementIn, EngagementOfShape, EngagementShape
from cdp.api.views.base import ApiView, body, shaped
from cdp.api.views.insights import judged
from common import clock
from insights import selectors, services


class Engagement(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}

    @extend_schema(operation_id="getEngagement", summary="What engagement is", tags=["insights"],
                   responses=EngagementShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """The weights in force, and how everybody stood at the newest computation."""
        return Response(shaped(EngagementShape, request)(selectors.engagement()))

    @extend_schema(operation_id="keepEngagement", summary="Say what engagement is", tags=["insights"],
                   request=EngagementIn, responses=EngagementShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """All parts at once; a new version when anything changed. The next run of kind `engagement` follows it."""
        wanted = body(request, EngagementIn)
        judged(lambda: services.keep_engagement(wanted["parts"], by=actor(request), now=clock.now(), via="api"))
        return Response(shaped(EngagementShape, request)(selectors.engagement()))


class ProfileEngagement(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}

    @extend_schema(operation_id="getProfileEngagement", summary="The engagement of a profile", tags=["insights"],
                   responses=EngagementOfShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """As of now, by parts, by the functions that score everybody."""
        profile_id = references.expect_profile(reference)
        found = judged(lambda: selectors.engagement_of(profile_id, now=clock.now()))
        if found is None:
            raise Problem("not-found", "No profile has this id.")
        return Response(shaped(EngagementOfShape, request)(found))
