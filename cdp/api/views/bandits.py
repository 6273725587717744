"""Bandits: arms that are compared while the better ones are shown more often."""

from collections.abc import Callable
from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors, services
from campaigns.contracts import BanditView, InvalidBandit
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.personalise import BanditChangeIn, BanditIn, BanditReportShape, BanditShape
from cdp.api.views.base import ApiView, body, shaped
from common import clock


class Bandits(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "slots:read", "post": "slots:write"}

    @extend_schema(operation_id="listBandits", summary="List bandits", tags=["personalisation"],
                   responses=page_of(BanditShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first."""
        shape = shaped(BanditShape, request)
        return Response({"data": [shape(one) for one in selectors.bandits()], "next_cursor": None})

    @extend_schema(operation_id="createBandit", summary="Create a bandit", tags=["personalisation"],
                   request=BanditIn, responses={201: BanditShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """It runs at once: name it in a rule of a slot."""
        wanted = body(request, BanditIn)
        context = wanted.pop("depends_on", [])
        made = _judged(
            lambda: services.create_bandit(by=actor(request), now=clock.now(), via="api", context=context, **wanted)
        )
        location = {"Location": f"/api/v1/bandits/{made.slug}"}
        return Response(shaped(BanditShape, request)(made), status=201, headers=location)


class Bandit(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "slots:read", "patch": "slots:write"}

    @extend_schema(operation_id="getBandit", summary="Get a bandit", tags=["personalisation"], responses=BanditShape)
    def get(self, request: Request, reference: str) -> Response:
        """By id or slug."""
        return Response(shaped(BanditShape, request)(_expect(reference)))

    @extend_schema(operation_id="changeBandit", summary="Change a bandit", tags=["personalisation"],
                   request=BanditChangeIn, responses=BanditShape)  # fmt: skip
    def patch(self, request: Request, reference: str) -> Response:
        """Its name, how much it explores and forgets; stop it or let it go on."""
        found, wanted = _expect(reference), body(request, BanditChangeIn)
        changed = _judged(
            lambda: services.change_bandit(found.id, wanted, by=actor(request), now=clock.now(), via="api")
        )  # fmt: skip
        return Response(shaped(BanditShape, request)(changed))


class BanditReport(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "slots:read"}

    @extend_schema(operation_id="getBanditReport", summary="What a bandit has learned", tags=["personalisation"],
                   responses=BanditReportShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Posteriors of each arm in each bucket, and the regret against the best arm."""
        return Response(shaped(BanditReportShape, request)(selectors.bandit_report(_expect(reference))))


def _judged(work: Callable[[], BanditView]) -> BanditView:
    try:
        return work()
    except InvalidBandit as wrong:
        errors = [{"pointer": where, "code": "invalid", "message": what} for where, what in wrong.problems.items()]
        raise Problem("invalid-request", str(wrong), errors=errors) from None


def _expect(reference: str) -> BanditView:
    found = selectors.bandit(reference)
    if found is None:
        raise Problem("not-found", "There is no such bandit.")
    return found
