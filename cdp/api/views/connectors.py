"""Destinations and syncs: made, run, paused, and what became of every row."""

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor, sees_personal_data
from cdp.api.filters import Filters, IdFilter
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.references import profile_in_body
from cdp.api.shapes.connectors import (
    DeliveryShape,
    DestinationIn,
    DestinationShape,
    RunShape,
    SyncIn,
    SyncShape,
    TestIn,
    TriedShape,
)
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from common import clock
from connectors import selectors, services
from connectors.contracts import InvalidSettings, RunView, SyncView
from segments import selectors as segment_selectors

READ: dict[str, str] = {"get": "sync:read"}
WRITE: dict[str, str] = {"post": "sync:write"}
_DELIVERY_STATES = [(name, name) for name in ("pending", "in_flight", "delivered", "failed", "dead")]


def settings_problem(error: InvalidSettings) -> Problem:
    """A 422 with each thing that is wrong; the doors say `field: what`."""
    errors = []
    for said in error.problems:
        field, colon, message = said.partition(": ")
        pointer = f"/{field}" if colon and field.isidentifier() else ""
        errors.append({"pointer": pointer, "code": "invalid", "message": message if pointer else said})
    return Problem("invalid-request", "Some settings cannot work; see `errors`.", errors=errors)


class DestinationFilters(Filters):
    kind = django_filters.CharFilter(max_length=32)
    state = django_filters.ChoiceFilter(choices=[("active", "active"), ("paused", "paused")])
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=120, help_text="Part of the name.")


class Destinations(ApiView):
    scopes: ClassVar[dict[str, str]] = {**READ, **WRITE}
    filterset_class = DestinationFilters
    paged = True

    @extend_schema(operation_id="listDestinations", summary="List destinations", tags=["destinations"],
                   responses=page_of(DestinationShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of id."""
        page = Page(request)
        rows = by_id(self.criteria(request).keep(selectors.destinations()), after=page.start(0, 0))
        return page.answer(rows, shaped(DestinationShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createDestination", summary="Create a destination", tags=["destinations"],
                   request=DestinationIn, responses={201: DestinationShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Sets an account at a channel up. Secrets that were made for it are in `shown_once` of this answer, and are
        never shown again."""
        wanted = body(request, DestinationIn)
        try:
            made = services.create_destination(by=actor(request), via="api", now=clock.now(), **wanted)
        except InvalidSettings as error:
            raise settings_problem(error) from None
        location = {"Location": f"/api/v1/destinations/{made.id}"}
        return Response(shaped(DestinationShape, request)(made), status=201, headers=location)


class Destination(ApiView):
    scopes: ClassVar[dict[str, str]] = READ

    @extend_schema(operation_id="getDestination", summary="Get a destination", tags=["destinations"],
                   responses=DestinationShape)  # fmt: skip
    def get(self, request: Request, destination_id: str) -> Response:
        """One destination. Of secrets only the names are told."""
        found = selectors.destination(expect_id(destination_id))
        if found is None:
            raise Problem("not-found")
        return Response(shaped(DestinationShape, request)(found))


class SyncFilters(Filters):
    segment_id = IdFilter()
    destination_id = IdFilter()
    state = django_filters.ChoiceFilter(choices=[("active", "active"), ("paused", "paused")])
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=120, help_text="Part of the name.")


class Syncs(ApiView):
    scopes: ClassVar[dict[str, str]] = {**READ, **WRITE}
    filterset_class = SyncFilters
    paged = True

    @extend_schema(operation_id="listSyncs", summary="List syncs", tags=["syncs"], responses=page_of(SyncShape))
    def get(self, request: Request) -> Response:
        """In order of id."""
        page = Page(request)
        rows = by_id(self.criteria(request).keep(selectors.syncs()), after=page.start(0, 0))
        return page.answer(rows, shaped(SyncShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createSync", summary="Create a sync", tags=["syncs"],
                   request=SyncIn, responses={201: SyncShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Joins a segment to a destination. The first run sends all members; from then on changes follow."""
        wanted = body(request, SyncIn)
        reference = wanted.pop("segment")
        segment = segment_selectors.segment(
            int(reference) if reference.isdecimal() and len(reference) < 10 else reference
        )
        if segment is None:
            raise invalid_field("/segment", "No segment has this id or slug.", "not-found")
        try:
            made = services.create_sync(segment_id=segment.id, by=actor(request), via="api", now=clock.now(), **wanted)
        except InvalidSettings as error:
            raise settings_problem(error) from None
        location = {"Location": f"/api/v1/syncs/{made.id}"}
        return Response(shaped(SyncShape, request)(made), status=201, headers=location)


def expect_sync(text: str) -> SyncView:
    """The sync of an address, or a 404."""
    found = selectors.sync(expect_id(text))
    if found is None:
        raise Problem("not-found", "There is no such sync.")
    return found


class Sync(ApiView):
    scopes: ClassVar[dict[str, str]] = READ

    @extend_schema(operation_id="getSync", summary="Get a sync", tags=["syncs"], responses=SyncShape)
    def get(self, request: Request, sync_id: str) -> Response:
        """One sync, with its lag and what waits or failed."""
        return Response(shaped(SyncShape, request)(expect_sync(sync_id)))


class SyncAct(ApiView):
    """Something done to one sync."""

    scopes: ClassVar[dict[str, str]] = WRITE
    act: ClassVar[Callable[..., SyncView]]

    def perform(self, request: Request, sync_id: str) -> Response:
        changed = type(self).act(sync_id=expect_sync(sync_id).id, by=actor(request), via="api")
        return Response(shaped(SyncShape, request)(changed), status=202)


class RunSync(SyncAct):
    act = staticmethod(services.run_now)

    @extend_schema(operation_id="runSync", summary="Run a sync now", tags=["syncs"],
                   request=None, responses={202: SyncShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, sync_id: str) -> Response:
        """Compares the whole segment with what was sent and sends what differs. Follow it in the sync's runs."""
        return self.perform(request, sync_id)


class PauseSync(SyncAct):
    act = staticmethod(services.pause_sync)

    @extend_schema(operation_id="pauseSync", summary="Pause a sync", tags=["syncs"],
                   request=None, responses={202: SyncShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, sync_id: str) -> Response:
        """Nothing more is sent until it is resumed; nothing is lost."""
        return self.perform(request, sync_id)


class ResumeSync(SyncAct):
    act = staticmethod(services.resume_sync)

    @extend_schema(operation_id="resumeSync", summary="Resume a sync", tags=["syncs"],
                   request=None, responses={202: SyncShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, sync_id: str) -> Response:
        """Goes on where it stopped."""
        return self.perform(request, sync_id)


class SyncTest(ApiView):
    scopes: ClassVar[dict[str, str]] = WRITE

    @extend_schema(operation_id="testSync", summary="Try a sync with one person", tags=["syncs"],
                   request=TestIn, responses={200: TriedShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, sync_id: str) -> Response:
        """Shows what the person gives. With `send` the call is made once and the channel's answer told; a member stays
        there, somebody else is taken off again by the next turn."""
        sync, wanted = expect_sync(sync_id), body(request, TestIn)
        person = profile_in_body(wanted["profile"], "/profile")
        try:
            tried = services.try_sync(
                sync_id=sync.id, profile_id=person, send=wanted["send"], by=actor(request), via="api", now=clock.now()
            )
        except services.NotPossible as problem:
            raise Problem("conflict", str(problem)) from None
        seen = tried if sees_personal_data(request) else selectors.conceal_tried(tried)
        return Response(shaped(TriedShape, request)(seen))


class Runs(ApiView):
    scopes: ClassVar[dict[str, str]] = READ
    paged = True

    @extend_schema(operation_id="listRuns", summary="Runs of a sync", tags=["syncs"], responses=page_of(RunShape))
    def get(self, request: Request, sync_id: str) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.runs(sync_id=expect_sync(sync_id).id, before_id=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(RunShape, request), lambda row: [row.id])


def expect_run(sync_id: str, run_id: str) -> RunView:
    """The run of an address, or a 404."""
    found = selectors.run(expect_id(run_id))
    if found is None or found.sync_id != expect_sync(sync_id).id:
        raise Problem("not-found", "The sync has no such run.")
    return found


class Run(ApiView):
    scopes: ClassVar[dict[str, str]] = READ

    @extend_schema(operation_id="getRun", summary="Get a run", tags=["syncs"], responses=RunShape)
    def get(self, request: Request, sync_id: str, run_id: str) -> Response:
        """One run with its counts."""
        return Response(shaped(RunShape, request)(expect_run(sync_id, run_id)))


class DeliveryFilters(Filters):
    state = django_filters.ChoiceFilter(choices=_DELIVERY_STATES)


class RunDeliveries(ApiView):
    scopes: ClassVar[dict[str, str]] = READ
    filterset_class = DeliveryFilters
    paged = True

    @extend_schema(operation_id="listRunDeliveries", summary="Rows of a run", tags=["syncs"],
                   responses=page_of(DeliveryShape))  # fmt: skip
    def get(self, request: Request, sync_id: str, run_id: str) -> Response:
        """What became of every row, in order."""
        state = self.criteria(request).value("state", default="")
        page = Page(request)
        run = expect_run(sync_id, run_id)
        rows = selectors.run_rows(run_id=run.id, state=state, after_id=page.start(0, 0), limit=page.limit + 1)
        return page.answer(rows, shaped(DeliveryShape, request), lambda row: [row.id])


class FailedDeliveryFilters(Filters):
    sync_id = IdFilter(required=True, help_text="Needed.")


class Deliveries(ApiView):
    scopes: ClassVar[dict[str, str]] = READ
    filterset_class = FailedDeliveryFilters
    paged = True

    @extend_schema(operation_id="listFailedDeliveries", summary="Failed rows of a sync", tags=["syncs"],
                   responses=page_of(DeliveryShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Rows that the channel refused or that were given up, newest first."""
        sync_id = self.criteria(request).value("sync_id")
        page = Page(request)
        rows = selectors.failed_deliveries(sync_id=sync_id, before_id=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(DeliveryShape, request), lambda row: [row.id])


def by_id(rows: list[Any], *, after: int) -> list[Any]:
    """The rows with greater ids, in order."""
    return sorted((row for row in rows if row.id > after), key=lambda row: row.id)
