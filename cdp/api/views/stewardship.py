"""What data stewards do to identities: merge, unmerge, undo; and the policy."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import parsing, references
from cdp.api.auth import actor
from cdp.api.filters import Filters, IdFilter
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.identity import DecisionShape, MergeIn, OutcomeShape, UnmergeIn
from cdp.api.shapes.operations import PolicyShape, SimulateIn, SimulationShape
from cdp.api.views.base import ApiView, Page, body, shaped
from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors, services
from identity.contracts import Outcome

# People decide these one by one; the door gives them whole.
_DECISIONS = 10_000
WRITE: dict[str, str] = {"post": "profiles:write"}


class Merges(ApiView):
    scopes: ClassVar[dict[str, str]] = WRITE

    @extend_schema(operation_id="mergeProfiles", summary="Merge two profiles", tags=["identity"],
                   request=MergeIn, responses={201: OutcomeShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Asserts that two profiles are one person. The older id stays; the other one keeps answering. Segments
        follow in the same transaction. 409 when the policy or a steward's ban forbids it."""
        wanted = body(request, MergeIn)
        a = references.profile_in_body(wanted["a"], "/a")
        b = references.profile_in_body(wanted["b"], "/b")
        if a == b:
            raise invalid_field("/b", "Both are the same profile already.", "same-profile")
        return done(
            lambda: services.merge(
                a, b, by=actor(request), reason=wanted["reason"], now=clock.now(), after=follow_moves
            ),
            request,
        )


class Unmerges(ApiView):
    scopes: ClassVar[dict[str, str]] = WRITE

    @extend_schema(operation_id="unmergeProfile", summary="Unmerge a profile", tags=["identity"],
                   request=UnmergeIn, responses={201: OutcomeShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Takes identifiers out of a profile. They get their old id back, with the events and traits that came by
        them, and will not be joined again by the same evidence."""
        wanted = body(request, UnmergeIn)
        profile = references.profile_in_body(wanted["profile"], "/profile")
        identifiers = references.identifiers_of(profile, wanted["identifiers"])
        return done(
            lambda: services.split(
                profile, identifiers, by=actor(request), reason=wanted["reason"], now=clock.now(), after=follow_moves
            ),
            request,
        )


class UndoDecision(ApiView):
    scopes: ClassVar[dict[str, str]] = WRITE

    @extend_schema(operation_id="undoDecision", summary="Undo a merge or an unmerge", tags=["identity"],
                   request=None, responses={201: OutcomeShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, decision_id: str) -> Response:
        """Takes a steward's decision back; both profiles are as they would be without it."""
        number = parsing.row_id(decision_id)
        if number is None:
            raise Problem("not-found")
        return done(
            lambda: services.undo_decision(number, by=actor(request), now=clock.now(), after=follow_moves), request
        )


class DecisionFilters(Filters):
    profile_id = IdFilter(help_text="Only decisions about this profile.")


class Decisions(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    filterset_class = DecisionFilters
    paged = True

    @extend_schema(operation_id="listDecisions", summary="List merges and unmerges", tags=["identity"],
                   responses=page_of(DecisionShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """What stewards decided, newest first."""
        page = Page(request)
        rows = selectors.decisions(self.criteria(request).value("profile_id"), limit=_DECISIONS)
        rows = [row for row in rows if page.position is None or row.id < page.start()]
        return page.answer(rows[: page.limit + 1], shaped(DecisionShape, request), lambda row: [row.id])


class PolicyVersions(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}

    @extend_schema(operation_id="getPolicy", summary="The identity policy", tags=["identity"], responses=PolicyShape)
    def get(self, request: Request) -> Response:
        """The policy in force: limits and priorities by kind, blocked values, what happens on conflict."""
        return Response(shaped(PolicyShape, request)(selectors.policy()))


class PolicySimulation(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "profiles:read"}

    @extend_schema(operation_id="simulatePolicy", summary="Try out a policy", tags=["identity"],
                   request=SimulateIn, responses=SimulationShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Partitions the real data by a changed policy and says what would merge and part. Writes nothing."""
        wanted = body(request, SimulateIn)
        try:
            found = services.simulate_policy(wanted["spec"], now=clock.now())
        except ValueError as error:
            raise invalid_field("/spec", str(error)) from None
        return Response(found)


def done(work: Callable[[], Outcome], request: Request) -> Response:
    """What a steward's act did, or a 409 that says what stands against it."""
    outcome: Any = work()
    if not outcome.done:
        raise Problem("conflict", outcome.refusal)
    return Response(shaped(OutcomeShape, request)(outcome), status=201)
