"""Erasures with their receipts, access, and the suppression list."""

import tempfile
from typing import Any, ClassVar

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import references
from cdp.api.auth import actor, sees_personal_data
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.privacy import (
    ErasureIn,
    ErasureShape,
    IdentifierIn,
    PublicKeyShape,
    ReceiptShape,
    SuppressionIn,
    SuppressionShape,
)
from cdp.api.views.base import ApiView, Page, accepted, body, expect_id, shaped
from cdp.nudge import RUN_ERASURES, wake
from common import clock
from identity import services as identity
from identity.contracts import IdentifierKey
from privacy import selectors, services
from privacy.contracts import ErasureView, NotPossible


class Erasures(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "erasure:write", "post": "erasure:write"}
    paged = True

    @extend_schema(operation_id="listErasures", summary="List erasures", tags=["privacy"],
                   responses=page_of(ErasureShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.erasures(before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(ErasureShape, request), lambda row: [row.id])

    @extend_schema(operation_id="erasePerson", summary="Erase a person", tags=["privacy"], request=ErasureIn,
                   responses={202: ErasureShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Cannot be undone. A worker deletes every row and file within seconds and has every channel remove the person;
        when all have confirmed, there is a signed receipt."""
        wanted = body(request, ErasureIn)
        profile_id = references.profile_in_body(wanted["person"], "/person")
        try:
            made = services.request_erasure(
                profile_id=profile_id, suppress=wanted["suppress"], by=actor(request), via="api", now=clock.now()
            )
        except NotPossible as why:
            raise Problem("conflict", str(why)) from None
        wake(RUN_ERASURES)
        return accepted(shaped(ErasureShape, request)(made), f"/api/v1/erasures/{made.id}")


class Erasure(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "erasure:write"}

    @extend_schema(operation_id="getErasure", summary="Get an erasure", tags=["privacy"], responses=ErasureShape)
    def get(self, request: Request, erasure_id: str) -> Response:
        """One erasure with what was deleted and how the channels stand."""
        return Response(shaped(ErasureShape, request)(_expect(erasure_id)))


class ErasureClose(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "erasure:write"}

    @extend_schema(operation_id="closeErasure", summary="Close an erasure", tags=["privacy"], request=None,
                   responses=ErasureShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, erasure_id: str) -> Response:
        """End it though a channel has not confirmed; the receipt says which."""
        try:
            closed = services.close_erasure(
                request_id=_expect(erasure_id).id, by=actor(request), via="api", now=clock.now()
            )  # fmt: skip
        except NotPossible as why:
            raise Problem("conflict", str(why)) from None
        return Response(shaped(ErasureShape, request)(closed))


class ErasureReceipt(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "erasure:write"}
    may_conflict = True

    @extend_schema(operation_id="getErasureReceipt", summary="Get the receipt", tags=["privacy"],
                   responses=ReceiptShape)  # fmt: skip
    def get(self, request: Request, erasure_id: str) -> Response:
        """Of an erasure that is done."""
        found = _expect(erasure_id)
        if found.receipt is None:
            raise Problem("conflict", f"There is no receipt yet: the erasure is {found.state}.")
        return Response(shaped(ReceiptShape, request)(found.receipt))


class ReceiptKey(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "erasure:write"}

    @extend_schema(operation_id="getReceiptKey", summary="Get the key of receipts", tags=["privacy"],
                   responses=PublicKeyShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """To check receipts by, here or elsewhere."""
        return Response({"public_key": services.public_key(now=clock.now())})


class PersonalArchive(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "erasure:write"}

    @extend_schema(operation_id="getPersonalArchive", summary="Everything about a person", tags=["privacy"],
                   responses={(200, "application/zip"): OpenApiTypes.BINARY})  # fmt: skip
    def get(self, request: Request, reference: str) -> Any:
        """A zip of JSON: profile, identifiers, traits with their origin, links, events, segments, channels. Needs the
        scope `profiles:pii` too; each download is in the audit log."""
        profile_id = references.expect_profile(reference)
        if not sees_personal_data(request):
            raise Problem("missing-scope", "This needs the scope `profiles:pii`.", more={"scope": "profiles:pii"})
        file = tempfile.TemporaryFile(prefix="cdp-archive-")  # noqa: SIM115 - the answer closes it
        services.write_everything(profile_id, file, by=actor(request), via="api", now=clock.now())
        file.seek(0)
        return FileResponse(file, as_attachment=True, filename=f"person-{profile_id}.zip")


class Suppressions(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "erasure:write", "post": "erasure:write"}
    paged = True

    @extend_schema(operation_id="listSuppressions", summary="List suppressions", tags=["privacy"],
                   responses=page_of(SuppressionShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first. The list holds digests, so that it names nobody."""
        page = Page(request)
        rows = selectors.suppressions(before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(SuppressionShape, request), lambda row: [row.id])

    @extend_schema(operation_id="suppress", summary="Store nothing of an identifier", tags=["privacy"],
                   request=SuppressionIn, responses={201: SuppressionShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """From now on items that carry it are dropped and counted. What is stored already stays: see erasures."""
        wanted = body(request, SuppressionIn)
        key = _key(wanted["identifier"])
        services.suppress(key, reason=wanted["reason"], by=actor(request), via="api", now=clock.now())
        return Response(shaped(SuppressionShape, request)(selectors.suppression_of(key)), status=201)


class SuppressionLookup(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "erasure:write"}

    @extend_schema(operation_id="findSuppression", summary="Is an identifier suppressed?", tags=["privacy"],
                   request=IdentifierIn, responses=SuppressionShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Its entry, or a 404. A POST, so that the identifier is in no address and no log."""
        found = selectors.suppression_of(_key(body(request, IdentifierIn)["identifier"]))
        if found is None:
            raise Problem("not-found", "This identifier is not suppressed.")
        return Response(shaped(SuppressionShape, request)(found))


class SuppressionRemoval(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "erasure:write"}

    @extend_schema(operation_id="allowAgain", summary="Allow an identifier again", tags=["privacy"],
                   request=IdentifierIn, responses={204: None})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """What comes in from now on is stored; what was dropped meanwhile is not to be had any more."""
        key = _key(body(request, IdentifierIn)["identifier"])
        if not services.allow_again(key, by=actor(request), via="api", now=clock.now()):
            raise Problem("not-found", "This identifier is not suppressed.")
        return Response(status=204)


def _key(text: str) -> IdentifierKey:
    kind, value = references.kind_and_value(text)
    canonical = identity.standardise(kind, value) if kind else None
    if canonical is None:
        raise invalid_field("/identifier", "Give an identifier as kind:value, such as email:ana@example.org.")
    return IdentifierKey(kind, canonical)


def _expect(text: str) -> ErasureView:
    found = selectors.erasure(expect_id(text))
    if found is None:
        raise Problem("not-found", "There is no such erasure.")
    return found
