"""Features that are kept as traits."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.kept import KeptFeatureShape, KeptFeaturesShape
from cdp.api.views.base import ApiView, shaped
from cdp.api.views.insights import judged
from common import clock
from insights import selectors, services


class KeptFeatures(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}

    @extend_schema(operation_id="listKeptFeatures", summary="Features that are kept as traits", tags=["insights"],
                   responses=KeptFeaturesShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """With how fresh they are."""
        upkeep = selectors.upkeep()
        found = {
            "features": selectors.kept_features(), "waiting": upkeep.waiting, "oldest_at": upkeep.oldest_at,
            "computed_at": upkeep.computed_at, "most": selectors.MOST_KEPT,
        }  # fmt: skip
        return Response(shaped(KeptFeaturesShape, request)(found))


class KeptFeature(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write", "delete": "segments:write"}

    @extend_schema(operation_id="keepFeature", summary="Keep a feature as a trait", tags=["insights"], request=None,
                   responses=KeptFeatureShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Everybody is computed at once, then whoever something comes of, and all again once a day."""
        if slug not in selectors.features():
            raise Problem("not-found", "There is no feature of this name.")
        kept = judged(lambda: services.keep_feature(name=slug, by=actor(request), now=clock.now(), via="api"))
        return Response(shaped(KeptFeatureShape, request)(kept))

    @extend_schema(operation_id="dropKeptFeature", summary="Keep a feature no longer", tags=["insights"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, slug: str) -> Response:
        """Its trait is taken from everybody."""
        if slug not in {one.name for one in selectors.kept_features() if not one.leaving}:
            raise Problem("not-found", "No feature of this name is kept as a trait.")
        judged(lambda: services.drop_kept_feature(name=slug, by=actor(request), now=clock.now(), via="api"))
        return Response(status=204)
