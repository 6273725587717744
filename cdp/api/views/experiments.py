"""Experiments: what is compared, who gets what, and what was found."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors, services
from campaigns.contracts import ExperimentView, InvalidExperiment, NotNow
from cdp.api import references
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.experiments import (
    AssignIn,
    AssignmentShape,
    ExperimentChangeIn,
    ExperimentIn,
    ExperimentShape,
    HoldoutIn,
    PeopleNeededShape,
    PlanIn,
    ResultShape,
    StopIn,
)
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, body, shaped
from cdp.nudge import ANALYSE_EXPERIMENTS, APPLY_INBOX, wake
from common import clock
from identity import services as identity
from identity.contracts import IDENTIFIER_KINDS


class Experiments(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "experiments:read", "post": "experiments:write"}
    paged = True

    @extend_schema(operation_id="listExperiments", summary="List experiments", tags=["experiments"],
                   responses=page_of(ExperimentShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.experiments(before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(ExperimentShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createExperiment", summary="Create an experiment", tags=["experiments"],
                   request=ExperimentIn, responses={201: ExperimentShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A draft; nobody is assigned before it is started."""
        wanted = body(request, ExperimentIn)
        made = _judged(lambda: services.create_experiment(by=actor(request), now=clock.now(), via="api", **wanted))
        location = {"Location": f"/api/v1/experiments/{made.slug}"}
        return Response(shaped(ExperimentShape, request)(made), status=201, headers=location)


class Holdouts(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "experiments:write"}

    @extend_schema(operation_id="createHoldout", summary="Create a holdout", tags=["experiments"],
                   request=HoldoutIn, responses={201: ExperimentShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A draft. Once it runs, a share of all people gets nothing personal, to measure what all of it does together.
        It is read, started, stopped and measured as an experiment of the kind `holdout`."""
        wanted = body(request, HoldoutIn)
        made = _judged(lambda: services.create_holdout(by=actor(request), now=clock.now(), via="api", **wanted))
        location = {"Location": f"/api/v1/experiments/{made.slug}"}
        return Response(shaped(ExperimentShape, request)(made), status=201, headers=location)


class Experiment(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "experiments:read", "patch": "experiments:write"}

    @extend_schema(operation_id="getExperiment", summary="Get an experiment", tags=["experiments"],
                   responses=ExperimentShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """By id or slug."""
        return Response(shaped(ExperimentShape, request)(_expect(reference)))

    @extend_schema(operation_id="changeExperiment", summary="Change an experiment", tags=["experiments"],
                   request=ExperimentChangeIn, responses=ExperimentShape)  # fmt: skip
    def patch(self, request: Request, reference: str) -> Response:
        """A draft, or of a running one its words, or how many take part (upwards)."""
        found, wanted = _expect(reference), body(request, ExperimentChangeIn)
        changed = _judged(
            lambda: services.change_experiment(found.id, wanted, by=actor(request), now=clock.now(), via="api")
        )
        return Response(shaped(ExperimentShape, request)(changed))


class ExperimentStart(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "experiments:write"}

    @extend_schema(operation_id="startExperiment", summary="Start an experiment", tags=["experiments"], request=None,
                   responses=ExperimentShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """From now on people are assigned, and what they see is counted."""
        found = _expect(reference)
        started = _judged(
            lambda: services.start_experiment(found.id, by=actor(request), now=clock.now(), via="api")
        )  # fmt: skip
        return Response(shaped(ExperimentShape, request)(started))


class ExperimentStop(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "experiments:write"}

    @extend_schema(operation_id="stopExperiment", summary="Stop an experiment", tags=["experiments"], request=StopIn,
                   responses=ExperimentShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Nobody is assigned any more; everybody gets the winner, or the control when none is named."""
        found, wanted = _expect(reference), body(request, StopIn)
        stopped = _judged(lambda: services.stop_experiment(
            found.id, winner=wanted["winner"], by=actor(request), now=clock.now(), via="api"
        ))  # fmt: skip
        wake(ANALYSE_EXPERIMENTS)
        return Response(shaped(ExperimentShape, request)(stopped))


class ExperimentResults(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "experiments:read"}

    @extend_schema(operation_id="getExperimentResults", summary="Results of an experiment", tags=["experiments"],
                   responses=ResultShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """The newest analysis; they are made every hour and when it is stopped."""
        newest = selectors.results(_expect(reference).id, limit=1)
        if not newest:
            raise Problem("not-found", "It was not measured yet.")
        return Response(shaped(ResultShape, request)(newest[0]))


class ExperimentAssign(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "experiments:assign"}

    @extend_schema(operation_id="assignVariant", summary="Which variant somebody gets", tags=["experiments"],
                   request=AssignIn, responses=AssignmentShape)  # fmt: skip
    def post(self, request: Request, reference: str) -> Response:
        """Always the same for the same person, over devices and after merges. Whoever takes no part gets the control's
        content. Ask when the variant is about to be seen: only what happens after that counts."""
        experiment, wanted = _expect(reference), body(request, AssignIn)
        kind, value = references.kind_and_value(wanted["identifier"])
        canonical = identity.standardise(kind, value) if kind in IDENTIFIER_KINDS else None
        if canonical is None:
            raise invalid_field("/identifier", "Give an identifier as kind:value, such as user_id:42.")
        found = services.decide(
            experiment, profile_id=references.profile_of_identifier(kind, value), kind=kind, value=canonical,
            expose=wanted["expose"], now=clock.now(),
        )  # fmt: skip
        if wanted["expose"] and found.taking_part:
            wake(APPLY_INBOX)
        return Response(shaped(AssignmentShape, request)(found))


class ExperimentPlan(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "experiments:read"}

    @extend_schema(operation_id="planExperiment", summary="How many people an experiment needs", tags=["experiments"],
                   request=PlanIn, responses=PeopleNeededShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """For a share by unpooled variances, for a mean by the two-sided t-test."""
        wanted = body(request, PlanIn)
        asked = {name: wanted.get(name) for name in ("base", "lift", "effect")}
        people = _judged(lambda: services.people_needed(alpha=wanted["alpha"], power=wanted["power"], **asked))
        return Response({"people": people})


def _judged(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except InvalidExperiment as wrong:
        errors = [{"pointer": where, "code": "invalid", "message": what} for where, what in wrong.problems.items()]
        raise Problem("invalid-request", str(wrong), errors=errors) from None
    except NotNow as why:
        raise Problem("conflict", str(why)) from None


def _expect(reference: str) -> ExperimentView:
    found = selectors.experiment(reference)
    if found is None:
        raise Problem("not-found", "There is no such experiment.")
    return found
