"""Predictions: kept, trained, switched on, rolled back, and asked for scores."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.insights import InsightRunShape
from cdp.api.shapes.predictions import (
    MeterShape,
    PredictionIn,
    PredictionShape,
    PredictionSpecShape,
    ScoreIn,
    ScoreShape,
    VersionIn,
)
from cdp.api.views.base import ApiView, accepted, body, shaped
from cdp.api.views.insights import judged
from cdp.api.views.segments import counted_page
from cdp.nudge import RUN_INSIGHTS, wake
from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from insights import selectors, services
from insights.contracts import PredictionSpec, PredictionView


def expect_prediction(slug: str) -> PredictionView:
    """A prediction, or a 404."""
    found = selectors.prediction(slug)
    if found is None:
        raise Problem("not-found", "There is no prediction of this slug.")
    return found


class Predictions(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listPredictions", summary="Predictions", tags=["insights"],
                   responses=page_of(PredictionShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Each with its versions and scorings, by name."""
        return counted_page(request, PredictionShape, selectors.predictions())

    @extend_schema(operation_id="keepPrediction", summary="Make or change a prediction", tags=["insights"],
                   request=PredictionIn, responses=PredictionShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The next training follows it."""
        wanted = body(request, PredictionIn)
        judged(
            lambda: services.keep_prediction(**wanted, by=actor(request), now=clock.now(), via="api"), inside="spec/"
        )
        return Response(shaped(PredictionShape, request)(expect_prediction(wanted["slug"])))


class Prediction(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "delete": "segments:write"}

    @extend_schema(operation_id="getPrediction", summary="One prediction", tags=["insights"],
                   responses=PredictionShape)  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        """Its versions with their model cards, and its scorings with drift and what came true."""
        return Response(shaped(PredictionShape, request)(expect_prediction(slug)))

    @extend_schema(operation_id="deletePrediction", summary="Delete a prediction", tags=["insights"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, slug: str) -> Response:
        """Everybody loses its traits, and segments follow."""
        expect_prediction(slug)
        judged(
            lambda: services.delete_prediction(
                slug=slug, by=actor(request), now=clock.now(), after=follow_moves, via="api"
            )
        )
        return Response(status=204)


class Meter(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:read"}

    @extend_schema(operation_id="checkPredictionData", summary="Whether there is enough to learn from",
                   tags=["insights"], request=PredictionSpecShape, responses=MeterShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Before anything is kept or trained."""
        wanted = body(request, PredictionSpecShape)
        found = judged(lambda: selectors.meter_of(PredictionSpec.from_json(wanted), now=clock.now()))
        return Response(shaped(MeterShape, request)(found))


class _Asked(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}
    kind = ""

    def ask(self, request: Request, slug: str) -> Response:
        """Have a worker do it."""
        expect_prediction(slug)
        made = judged(
            lambda: services.request_run(kind=self.kind, slug=slug, by=actor(request), now=clock.now(), via="api")
        )
        wake(RUN_INSIGHTS)
        return accepted(shaped(InsightRunShape, request)(made), f"/api/v1/insights/runs/{made.id}")


class Training(_Asked):
    kind = "training"

    @extend_schema(operation_id="trainPrediction", summary="Train a prediction", tags=["insights"], request=None,
                   responses={202: InsightRunShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """A worker does it; what already waits is not asked for twice."""
        return self.ask(request, slug)


class Scoring(_Asked):
    kind = "scoring"

    @extend_schema(operation_id="scoreEverybody", summary="Score everybody", tags=["insights"], request=None,
                   responses={202: InsightRunShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Into the prediction's traits, by a worker."""
        return self.ask(request, slug)


class Activation(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}

    @extend_schema(operation_id="activatePredictionVersion", summary="Switch a version on", tags=["insights"],
                   request=VersionIn, responses=PredictionShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """The next scoring uses it, and single scores at once."""
        expect_prediction(slug)
        wanted = body(request, VersionIn)
        judged(
            lambda: services.activate_version(
                slug=slug, version=wanted["version"], by=actor(request), now=clock.now(), via="api"
            )
        )
        return Response(shaped(PredictionShape, request)(expect_prediction(slug)))


class RollBack(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}

    @extend_schema(operation_id="rollBackPrediction", summary="Back to the version before", tags=["insights"],
                   request=None, responses=PredictionShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Switch on the version that was in use before."""
        expect_prediction(slug)
        judged(lambda: services.roll_back(slug=slug, by=actor(request), now=clock.now(), via="api"))
        return Response(shaped(PredictionShape, request)(expect_prediction(slug)))


class Score(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "profiles:read"}

    @extend_schema(operation_id="scoreProfiles", summary="Scores of profiles", tags=["insights"], request=ScoreIn,
                   responses=ScoreShape(many=True))  # fmt: skip
    def post(self, request: Request, slug: str) -> Response:
        """Of up to 1,000 profiles as of now, by the functions that score everybody. Ids that were merged answer with
        the survivor; unknown ones are left out."""
        expect_prediction(slug)
        wanted = body(request, ScoreIn)
        ids = set(identity.current_ids(wanted["profiles"]).values())
        found: Any = judged(lambda: selectors.score_profiles(slug, ids, now=clock.now(), explained=wanted["reasons"]))
        if found is None:
            raise Problem("conflict", "No version is in use yet: train, and switch one on.")
        return Response([shaped(ScoreShape, request)(one) for one in found])
