"""Pulls: set up, tested, tried, steered, and what their runs did."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor, sees_personal_data
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.pulls import (
    PullIn,
    PullKeptIn,
    PullMappingIn,
    PullPreviewIn,
    PullPreviewShape,
    PullRunIn,
    PullRunShape,
    PullShape,
    PullTestedShape,
)
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from cdp.api.views.connectors import settings_problem
from cdp.nudge import READ_PULLS, wake
from common import clock, masking
from connectors import selectors, services
from connectors.contracts import BadMapping, InvalidSettings, PullNotPossible

_WRITE: dict[str, str] = {"post": "admin:*"}


def _source(text: str) -> int:
    number = expect_id(text)
    if selectors.source(number) is None:
        raise Problem("not-found", "There is no such source.")
    return number


def _pulled(text: str) -> int:
    """The id of a source that has a pull, or a 404."""
    number = _source(text)
    if selectors.pull(number) is None:
        raise Problem("not-found", "This source has no pull.")
    return number


class SourcePull(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read", **_WRITE}

    @extend_schema(operation_id="getPull", summary="Get the pull of a source", tags=["sources"], responses=PullShape)
    def get(self, request: Request, source_id: str) -> Response:
        """What is asked for rows, and how far it was read."""
        return Response(shaped(PullShape, request)(selectors.pull(_pulled(source_id))))

    @extend_schema(operation_id="keepPull", summary="Set up the pull of a source", tags=["sources"],
                   request=PullKeptIn, responses=PullShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """Another table, query, cursor or key is read from its beginning. Nothing is read before a mapping is kept."""
        wanted, number = body(request, PullKeptIn), _source(source_id)
        try:
            kept = services.keep_pull(source_id=number, by=actor(request), via="api", now=clock.now(), **wanted)
        except InvalidSettings as error:
            raise settings_problem(error) from None
        return Response(shaped(PullShape, request)(kept))


class PullTest(ApiView):
    scopes: ClassVar[dict[str, str]] = _WRITE

    @extend_schema(operation_id="testPull", summary="Test settings of a pull", tags=["sources"], request=PullIn,
                   responses=PullTestedShape)  # fmt: skip
    def post(self, request: Request, source_id: str) -> Response:
        """Makes the cheapest real look; nothing is kept."""
        wanted, number = body(request, PullIn), _source(source_id)
        try:
            tested = services.test_pull(source_id=number, now=clock.now(), **wanted)
        except InvalidSettings as error:
            raise settings_problem(error) from None
        return Response(shaped(PullTestedShape, request)(tested))


class PullPreview(ApiView):
    scopes: ClassVar[dict[str, str]] = _WRITE

    @extend_schema(operation_id="previewPull", summary="Show what the first rows would become", tags=["sources"],
                   request=PullPreviewIn, responses=PullPreviewShape)  # fmt: skip
    def post(self, request: Request, source_id: str) -> Response:
        """The first 20 rows by a mapping; nothing is kept."""
        mapping, number = body(request, PullPreviewIn).get("mapping"), _pulled(source_id)
        try:
            shown = services.preview_pull(source_id=number, choose=lambda header: mapping, now=clock.now())
        except PullNotPossible as why:
            raise Problem("conflict", str(why)) from None
        see = sees_personal_data(request)
        rows = [
            {"items": [item if see else masking.shape_of(item) for item in one.items], "problem": one.problem}
            for one in shown.rows
        ]  # fmt: skip
        return Response({
            "header": shown.header, "mapping": shown.mapping, "rows": rows, "problems": shown.problems,
        })  # fmt: skip


class PullMapping(ApiView):
    scopes: ClassVar[dict[str, str]] = _WRITE

    @extend_schema(operation_id="keepPullMapping", summary="Say what rows become", tags=["sources"],
                   request=PullMappingIn, responses=PullShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """Held against the columns that the rows have now. Rows are read from now on; those that are in stay."""
        mapping, number = body(request, PullMappingIn)["mapping"], _pulled(source_id)
        try:
            header = list(services.preview_pull(source_id=number, now=clock.now()).header)
            kept = services.keep_pull_mapping(
                source_id=number, mapping=mapping, header=header, by=actor(request), via="api", now=clock.now()
            )
        except PullNotPossible as why:
            raise Problem("conflict", str(why)) from None
        except BadMapping as wrong:
            raise invalid_field("/mapping", str(wrong)) from None
        wake(READ_PULLS)
        return Response(shaped(PullShape, request)(kept))


class _Steer(ApiView):
    scopes: ClassVar[dict[str, str]] = _WRITE

    def steer(self, request: Request, source_id: str, act: Any, **more: Any) -> Response:
        try:
            changed = act(source_id=_pulled(source_id), by=actor(request), via="api", now=clock.now(), **more)
        except PullNotPossible as why:
            raise Problem("conflict", str(why)) from None
        wake(READ_PULLS)
        return Response(shaped(PullShape, request)(changed))


class RunPull(_Steer):
    @extend_schema(operation_id="runPull", summary="Ask for rows now", tags=["sources"], request=PullRunIn,
                   responses=PullShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """Not only at the next time."""
        return self.steer(request, source_id, services.run_pull, **body(request, PullRunIn))


class PausePull(_Steer):
    @extend_schema(operation_id="pausePull", summary="Pause a pull", tags=["sources"], request=None,
                   responses=PullShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """It goes on where it stood when it is resumed."""
        return self.steer(request, source_id, services.switch_pull, enabled=False)


class ResumePull(_Steer):
    @extend_schema(operation_id="resumePull", summary="Resume a pull", tags=["sources"], request=None,
                   responses=PullShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """At once."""
        return self.steer(request, source_id, services.switch_pull, enabled=True)


class ResetPull(_Steer):
    @extend_schema(operation_id="resetPull", summary="Read a pull from the beginning", tags=["sources"], request=None,
                   responses=PullShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """Rows that are the same as in the last days count once."""
        return self.steer(request, source_id, services.reset_pull)


class PullRuns(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}
    paged = True

    @extend_schema(operation_id="listPullRuns", summary="Runs of a pull", tags=["sources"],
                   responses=page_of(PullRunShape))  # fmt: skip
    def get(self, request: Request, source_id: str) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.pull_runs(_pulled(source_id), before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(PullRunShape, request), lambda row: [row.id])
