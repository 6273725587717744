"""Campaigns: drafts, versions, start and stop, trying one with a person, and results."""

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors, services
from campaigns.contracts import CampaignView, InvalidCampaign, MadeUp, NotNow, Stopping
from cdp.api import references
from cdp.api.auth import actor, token_of
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.campaigns import (
    CampaignChangeIn,
    CampaignExampleShape,
    CampaignIn,
    CampaignInstanceShape,
    CampaignPathShape,
    CampaignResultsShape,
    CampaignShape,
    CampaignStoppedShape,
    CampaignTrialIn,
    CampaignValidShape,
    CampaignVersionShape,
)
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, body, shaped
from cdp.nudge import RUN_CAMPAIGNS, wake
from common import access, clock

_READ: dict[str, str] = {"get": "campaigns:read"}
_WRITE: dict[str, str] = {"post": "campaigns:write"}


class Campaigns(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "campaigns:read", "post": "campaigns:write"}
    paged = True

    @extend_schema(operation_id="listCampaigns", summary="List campaigns", tags=["campaigns"],
                   responses=page_of(CampaignShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.campaigns(before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(CampaignShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createCampaign", summary="Create a campaign", tags=["campaigns"], request=CampaignIn,
                   responses={201: CampaignShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A draft; nobody enters before it is started."""
        wanted = body(request, CampaignIn)
        made = _judged(lambda: services.create_campaign(by=actor(request), now=clock.now(), via="api", **wanted))
        location = {"Location": f"/api/v1/campaigns/{made.slug}"}
        return Response(shaped(CampaignShape, request)(made), status=201, headers=location)


class CampaignExamples(ApiView):
    scopes = _READ

    @extend_schema(operation_id="listCampaignExamples", summary="Campaigns to begin with", tags=["campaigns"],
                   responses=page_of(CampaignExampleShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Documents to be changed to your own names."""
        return Response(
            {"data": [shaped(CampaignExampleShape, request)(one) for one in selectors.EXAMPLES], "next_cursor": None}
        )


class Campaign(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "campaigns:read", "patch": "campaigns:write"}

    @extend_schema(operation_id="getCampaign", summary="Get a campaign", tags=["campaigns"], responses=CampaignShape)
    def get(self, request: Request, reference: str) -> Response:
        """By id or slug."""
        return Response(shaped(CampaignShape, request)(_expect(reference)))

    @extend_schema(operation_id="changeCampaign", summary="Change the draft of a campaign", tags=["campaigns"],
                   request=CampaignChangeIn, responses=CampaignShape)  # fmt: skip
    def patch(self, request: Request, reference: str) -> Response:
        """Nobody notices before it is started again, as a new version."""
        found, wanted = _expect(reference), body(request, CampaignChangeIn)
        changed = _judged(
            lambda: services.change_campaign(found.id, by=actor(request), now=clock.now(), via="api", **wanted)
        )
        return Response(shaped(CampaignShape, request)(changed))


class CampaignVersions(ApiView):
    scopes = _READ

    @extend_schema(operation_id="listCampaignVersions", summary="Versions of a campaign", tags=["campaigns"],
                   responses=page_of(CampaignVersionShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Newest first. People finish on the version that they entered on."""
        rows = selectors.campaign_versions(_expect(reference).id)
        return Response({"data": [shaped(CampaignVersionShape, request)(one) for one in rows], "next_cursor": None})


class CampaignValidate(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "campaigns:read"}

    @extend_schema(operation_id="validateCampaign", summary="Whether a draft can be started", tags=["campaigns"],
                   request=None, responses=CampaignValidShape)  # fmt: skip
    def post(self, request: Request, reference: str) -> Response:
        """Everything that keeps it from that, by JSON pointer into it; and whom a broadcast would reach now."""
        found = _expect(reference)
        _judged(lambda: services.expect_ready(found.id))
        told = {"valid": True, "audience": services.audience_of(found.id, now=clock.now())}
        return Response(CampaignValidShape(told).data)


class CampaignStart(ApiView):
    scopes = _WRITE

    @extend_schema(operation_id="startCampaign", summary="Put a draft in force", tags=["campaigns"], request=None,
                   responses=CampaignShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """As a new version. A broadcast to many waits for a second person (`asked`), unless the token has `admin:*`."""
        may_mass = access.allows(token_of(request), "admin:*")
        return _steer(request, reference, services.start_campaign, may_mass=may_mass)


class CampaignApprove(ApiView):
    scopes = _WRITE

    @extend_schema(operation_id="approveCampaign", summary="Start what somebody else asked for", tags=["campaigns"],
                   request=None, responses=CampaignShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """By another person or token than the one that asked."""
        return _steer(request, reference, services.approve_campaign)


class CampaignDecline(ApiView):
    scopes = _WRITE

    @extend_schema(operation_id="declineCampaign", summary="Forget a start that waits", tags=["campaigns"],
                   request=None, responses=CampaignShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """It stays as it was."""
        return _steer(request, reference, services.decline_campaign)


class CampaignResume(ApiView):
    scopes = _WRITE

    @extend_schema(operation_id="resumeCampaign", summary="Resume a campaign", tags=["campaigns"], request=None,
                   responses=CampaignShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """What was due during the pause goes on at once."""
        return _steer(request, reference, services.resume_campaign)


class CampaignPause(ApiView):
    scopes = _WRITE

    @extend_schema(operation_id="pauseCampaign", summary="Pause a campaign", tags=["campaigns"], request=None,
                   responses=CampaignStoppedShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Nobody enters or moves on. The answer says what nobody takes back."""
        return _halt(request, reference, services.pause_campaign)


class CampaignStop(ApiView):
    scopes = _WRITE

    @extend_schema(operation_id="stopCampaign", summary="Stop a campaign for good", tags=["campaigns"], request=None,
                   responses=CampaignStoppedShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """For everybody who is inside, too. The answer says what nobody takes back."""
        return _halt(request, reference, services.stop_campaign)


class CampaignSimulate(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "campaigns:read"}

    @extend_schema(operation_id="simulateCampaign", summary="One person's path through a draft", tags=["campaigns"],
                   request=CampaignTrialIn, responses=CampaignPathShape)  # fmt: skip
    def post(self, request: Request, reference: str) -> Response:
        """By a clock that is turned forward, with the code that moves real people. Nothing is written or sent."""
        found, wanted = _expect(reference), body(request, CampaignTrialIn)
        profile = references.profile_in_body(wanted["profile"], "/profile") if wanted.get("profile") else None
        events = tuple((one["minutes"], one["event"], dict(one["properties"] or {})) for one in wanted["events"])
        person = MadeUp(wanted["traits"], frozenset(wanted["segments"]), events, wanted["variants"])
        path = _judged(lambda: services.try_campaign(
            found.id, start=wanted.get("at") or clock.now(), person=person, profile_id=profile, events=events
        ))  # fmt: skip
        return Response(shaped(CampaignPathShape, request)(path))


class CampaignResults(ApiView):
    scopes = _READ

    @extend_schema(operation_id="getCampaignResults", summary="Results of a campaign", tags=["campaigns"],
                   responses=CampaignResultsShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Counts at each step, and conversions beside those who were held out."""
        found = selectors.campaign_results(_expect(reference).id, now=clock.now())
        return Response(shaped(CampaignResultsShape, request)(found))


class CampaignInstances(ApiView):
    scopes = _READ
    paged = True

    @extend_schema(operation_id="listCampaignInstances", summary="Who is where in a campaign", tags=["campaigns"],
                   responses=page_of(CampaignInstanceShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Newest first."""
        page, found = Page(request), _expect(reference)
        rows = selectors.instances(campaign_id=found.id, before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(CampaignInstanceShape, request), lambda row: [row.id])


class ProfileCampaigns(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listProfileCampaigns", summary="Campaigns that a person was in", tags=["profiles"],
                   responses=page_of(CampaignInstanceShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Every journey with its steps, newest first."""
        page, profile = Page(request), references.expect_profile(reference)
        rows = selectors.instances(profile_id=profile, before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(CampaignInstanceShape, request), lambda row: [row.id])


def _steer(
    request: Request, reference: str, work: Callable[..., CampaignView], **more: Any
) -> Response:  # fmt: skip
    found = _expect(reference)
    done = _judged(lambda: work(found.id, by=actor(request), now=clock.now(), via="api", **more))
    wake(RUN_CAMPAIGNS)
    return Response(shaped(CampaignShape, request)(done))


def _halt(request: Request, reference: str, work: Callable[..., Stopping]) -> Response:
    found = _expect(reference)
    told = _judged(lambda: work(found.id, by=actor(request), now=clock.now(), via="api"))
    return Response(CampaignStoppedShape({"campaign": _expect(str(found.id)), "stopping": told}).data)


def _judged(work: Callable[[], Any]) -> Any:
    try:
        return work()
    except InvalidCampaign as wrong:
        errors = [{"pointer": where, "code": "invalid", "message": what} for where, what in wrong.problems.items()]
        raise Problem("invalid-request", str(wrong), errors=errors) from None
    except NotNow as why:
        raise Problem("conflict", str(why)) from None


def _expect(reference: str) -> CampaignView:
    found = selectors.campaign(reference)
    if found is None:
        raise Problem("not-found", "There is no such campaign.")
    return found
