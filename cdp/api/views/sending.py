"""What holds for all messages: channels, caps and quiet hours, subscription groups."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors, services
from campaigns.contracts import CHANNELS
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.messages import (
    SendingChannelIn,
    SendingChannelShape,
    SendingChannelsShape,
    SendingPolicyShape,
    SubscriptionGroupShape,
    SubscriptionGroupsShape,
)
from cdp.api.views.base import ApiView, body, shaped
from cdp.api.views.messages import judged
from common import clock


class SendingPolicy(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read", "patch": "messages:write"}

    @extend_schema(operation_id="getSendingPolicy", summary="Caps, quiet hours and holdout", tags=["messages"],
                   responses=SendingPolicyShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """What holds for all messages."""
        return Response(shaped(SendingPolicyShape, request)(selectors.sending_policy(now=clock.now())))

    @extend_schema(operation_id="changeSendingPolicy", summary="Change caps, quiet hours or holdout",
                   tags=["messages"], request=SendingPolicyShape, responses=SendingPolicyShape)  # fmt: skip
    def patch(self, request: Request) -> Response:
        """What is left out stays. It holds at once, also for what is queued."""
        wanted = body(request, SendingPolicyShape)
        if "caps" in wanted:
            wanted["caps"] = [dict(one) for one in wanted["caps"]]
        changed = judged(lambda: services.change_policy(wanted, by=actor(request), now=clock.now(), via="api"))
        return Response(shaped(SendingPolicyShape, request)(changed))


class SendingChannels(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read"}

    @extend_schema(operation_id="listSendingChannels", summary="Channels that are set up", tags=["messages"],
                   responses=SendingChannelsShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """With their providers, and whether they go."""
        return Response(shaped(SendingChannelsShape, request)({"data": selectors.channel_views()}))


class SendingChannel(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:write"}

    @extend_schema(operation_id="setUpSendingChannel", summary="Set a channel up", tags=["messages"],
                   request=SendingChannelIn, responses=SendingChannelShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, channel: str) -> Response:
        """Or change it; it goes on if it was paused."""
        wanted = body(request, SendingChannelIn)
        if not isinstance(wanted["settings"], dict):
            raise invalid_field("/settings", "Give an object: settings by name.")
        kept = judged(lambda: services.keep_channel(
            _expect(channel), wanted["provider"], wanted["settings"], by=actor(request), now=clock.now(), via="api",
            per_second=wanted.get("per_second", _pace_now(channel)),
        ))  # fmt: skip
        return Response(shaped(SendingChannelShape, request)(kept))


class SendingChannelPause(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:write"}

    @extend_schema(operation_id="pauseSendingChannel", summary="Pause a channel", tags=["messages"], request=None,
                   responses=SendingChannelShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, channel: str) -> Response:
        """What is queued waits."""
        return _switched(request, channel, paused=True)


class SendingChannelResume(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:write"}

    @extend_schema(operation_id="resumeSendingChannel", summary="Let a channel go on", tags=["messages"],
                   request=None, responses=SendingChannelShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, channel: str) -> Response:
        """What waited goes out."""
        return _switched(request, channel, paused=False)


class SubscriptionGroups(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read", "post": "messages:write"}

    @extend_schema(operation_id="listSubscriptionGroups", summary="List subscription groups", tags=["messages"],
                   responses=SubscriptionGroupsShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """What people can choose in the preference centre."""
        return Response(shaped(SubscriptionGroupsShape, request)({"data": selectors.groups()}))

    @extend_schema(operation_id="keepSubscriptionGroup", summary="Make or change a subscription group",
                   tags=["messages"], request=SubscriptionGroupShape,
                   responses=SubscriptionGroupShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """By its key. Choices that people made stay."""
        wanted: dict[str, Any] = body(request, SubscriptionGroupShape)
        kept = judged(lambda: services.keep_group(by=actor(request), now=clock.now(), via="api", **wanted))
        return Response(shaped(SubscriptionGroupShape, request)(kept))


def _pace_now(channel: str) -> float | None:
    return next((one.per_second for one in selectors.channel_views() if one.channel == channel), None)


def _switched(request: Request, channel: str, *, paused: bool) -> Response:
    if _expect(channel) not in {one.channel for one in selectors.channel_views()}:
        raise Problem("not-found", "This channel is not set up.")
    kept = services.switch_channel(channel, paused=paused, by=actor(request), now=clock.now(), via="api")
    return Response(shaped(SendingChannelShape, request)(kept))


def _expect(channel: str) -> str:
    if channel not in CHANNELS or channel == "inapp":
        raise Problem("not-found", "There is no such channel to set up.")
    return channel
