"""Slots, and what they show to somebody."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from campaigns import selectors, services
from campaigns.contracts import Answer, Asked, InvalidSlot, SlotVersionView, SlotView, Unavailable
from cdp.api import enduring, references
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.ratelimit import PersonaliseThrottle
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.personalise import (
    PersonaliseIn,
    PersonaliseShape,
    SlotChangeIn,
    SlotIn,
    SlotRestoreIn,
    SlotShape,
    SlotVersionShape,
)
from cdp.api.views.base import ApiView, body, shaped
from cdp.nudge import APPLY_INBOX, wake
from common import clock
from identity import services as identity
from identity.contracts import IDENTIFIER_KINDS

_SHOWN = (
    "slot", "version", "content", "reason", "why", "fallback", "rule", "content_key", "experiment", "bandit", "variant",
    "recommendations",
)  # fmt: skip


class Personalise(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "personalise"}
    find_token = staticmethod(enduring.find_token)
    throttle_classes: Sequence[type[BaseThrottle]] = (PersonaliseThrottle,)

    @extend_schema(operation_id="personalise", summary="What slots show to somebody", tags=["personalisation"],
                   request=PersonaliseIn, responses=PersonaliseShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Always answers: with the default content where nobody is known, nothing fits, or the database is away. Slots
        that there are not are left out."""
        wanted = body(request, PersonaliseIn)
        asked = Asked(
            tuple(wanted["slots"]), tuple(keys_of(wanted["identifiers"])), wanted.get("context", {}), wanted["expose"]
        )
        try:
            answers = services.personalise(asked, now=clock.now())
        except Unavailable as why:
            raise Problem("busy", str(why)) from None
        if any(one.exposed for one in answers):
            wake(APPLY_INBOX)
        return Response({"data": [told(one) for one in answers]})


class Slots(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "slots:read", "post": "slots:write"}

    @extend_schema(operation_id="listSlots", summary="List slots", tags=["personalisation"],
                   responses=page_of(SlotShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """All of them, by name."""
        return Response({"data": [_slot(request, one) for one in selectors.slots()], "next_cursor": None})

    @extend_schema(operation_id="createSlot", summary="Create a slot", tags=["personalisation"],
                   request=SlotIn, responses={201: SlotShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """It answers at once, and everywhere within two seconds."""
        wanted = body(request, SlotIn)
        made = _judged(lambda: services.create_slot(by=actor(request), now=clock.now(), via="api", **wanted))
        return Response(_slot(request, made), status=201, headers={"Location": f"/api/v1/slots/{made.slug}"})


class Slot(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "slots:read", "patch": "slots:write", "delete": "slots:write"}

    @extend_schema(operation_id="getSlot", summary="Get a slot", tags=["personalisation"], responses=SlotShape)
    def get(self, request: Request, reference: str) -> Response:
        """By id or slug."""
        return Response(_slot(request, _expect(reference)))

    @extend_schema(operation_id="changeSlot", summary="Change a slot", tags=["personalisation"],
                   request=SlotChangeIn, responses=SlotShape)  # fmt: skip
    def patch(self, request: Request, reference: str) -> Response:
        """A new document is a new version."""
        found, wanted = _expect(reference), body(request, SlotChangeIn)
        changed = _judged(
            lambda: services.change_slot(found.id, by=actor(request), now=clock.now(), via="api", **wanted)
        )  # fmt: skip
        return Response(_slot(request, changed))

    @extend_schema(operation_id="deleteSlot", summary="Delete a slot", tags=["personalisation"], responses={204: None})
    def delete(self, request: Request, reference: str) -> Response:
        """It answers no more; pages keep what stands in them."""
        services.delete_slot(_expect(reference).id, by=actor(request), now=clock.now(), via="api")
        return Response(status=204)


class SlotVersions(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "slots:read"}

    @extend_schema(operation_id="listSlotVersions", summary="Versions of a slot", tags=["personalisation"],
                   responses=page_of(SlotVersionShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """The newest hundred."""
        found = selectors.slot_versions(_expect(reference).id)
        return Response({"data": [_version(request, one) for one in found], "next_cursor": None})


class SlotRestore(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "slots:write"}

    @extend_schema(operation_id="restoreSlot", summary="Bring a version back", tags=["personalisation"],
                   request=SlotRestoreIn, responses=SlotShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """What it held becomes a new version."""
        found, wanted = _expect(reference), body(request, SlotRestoreIn)
        back = _judged(lambda: services.restore_slot(
            found.id, wanted["version"], by=actor(request), now=clock.now(), via="api"
        ))  # fmt: skip
        return Response(_slot(request, back))


def keys_of(identifiers: Sequence[str]) -> list[tuple[str, str]]:
    """Who is asked for, standardised as on its way in, or a 422 that points at what is no identifier."""
    found = []
    for place, text in enumerate(identifiers):
        kind, value = references.kind_and_value(text)
        canonical = identity.standardise(kind, value) if kind in IDENTIFIER_KINDS else None
        if canonical is None:
            raise invalid_field(f"/identifiers/{place}", "Give an identifier as kind:value, such as user_id:42.")
        found.append((kind, canonical))
    return found


def told(answer: Answer) -> dict[str, Any]:
    """What goes out of one slot."""
    return {name: getattr(answer, name) for name in _SHOWN}


def _slot(request: Request, slot: SlotView) -> Any:
    return shaped(SlotShape, request)(_plain(slot))


def _version(request: Request, version: SlotVersionView) -> Any:
    return shaped(SlotVersionShape, request)(_plain(version))


def _plain(view: SlotView | SlotVersionView) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__struct_fields__} | {
        "document": services.as_json(view.document)
    }


def _judged(work: Callable[[], SlotView]) -> SlotView:
    try:
        return work()
    except InvalidSlot as wrong:
        errors = [{"pointer": where, "code": "invalid", "message": what} for where, what in wrong.problems.items()]
        raise Problem("invalid-request", str(wrong), errors=errors) from None


def _expect(reference: str) -> SlotView:
    found = selectors.slot(reference)
    if found is None:
        raise Problem("not-found", "There is no such slot.")
    return found
