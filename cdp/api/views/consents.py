"""Purposes, consents of people, and who asks for them."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import references
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.connectors import SyncShape
from cdp.api.shapes.consents import (
    ConsentRecordShape,
    ConsentShape,
    ConsentsIn,
    PurposeIn,
    PurposeShape,
    SourceConsentIn,
    SyncConsentIn,
    TextShape,
)
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from cdp.api.views.connectors import WRITE, expect_sync, settings_problem
from cdp.api.views.segments import counted_page
from cdp.pipeline.follow import follow_moves
from common import clock
from connectors import selectors as connector_selectors
from connectors import services as connector_services
from connectors.contracts import InvalidSettings
from identity import selectors as identity
from identity.contracts import ConsentMeans, strongest
from privacy import selectors, services
from privacy.contracts import Choice, InvalidPurpose, NotPossible


class Purposes(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "consent:write"}
    paged = True

    @extend_schema(operation_id="listPurposes", summary="List purposes", tags=["privacy"],
                   responses=page_of(PurposeShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """By name, each with the wording in force."""
        return counted_page(request, PurposeShape, selectors.purposes())

    @extend_schema(operation_id="describePurpose", summary="Describe a purpose", tags=["privacy"], request=PurposeIn,
                   responses=PurposeShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Made when there is none with this key. The same again changes nothing; what is left out is emptied, but for
        the wording, of which every version is kept."""
        try:
            kept = services.describe_purpose(
                by=actor(request), via="api", now=clock.now(), **body(request, PurposeIn)
            )  # fmt: skip
        except InvalidPurpose as wrong:
            raise invalid_field(f"/{wrong.field}", str(wrong)) from None
        return Response(shaped(PurposeShape, request)(kept))


class PurposeTexts(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listPurposeTexts", summary="Every wording of a purpose", tags=["privacy"],
                   responses=page_of(TextShape))  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """The newest first."""
        if selectors.purpose(key) is None:
            raise Problem("not-found", "There is no such purpose.")
        return counted_page(request, TextShape, selectors.purpose_texts(key))


class ProfileConsents(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "consent:write"}
    paged = True

    @extend_schema(operation_id="listConsents", summary="What a person consented to", tags=["privacy"],
                   responses=page_of(ConsentShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """The answer to each purpose as it stands, of all channels and of each that something was said of."""
        return counted_page(request, ConsentShape, _answers(references.expect_profile(reference)))

    @extend_schema(operation_id="recordConsents", summary="Record what a person said", tags=["privacy"],
                   request=ConsentsIn, responses=ConsentShape(many=True))  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Consents and withdrawals, with their evidence. Traits, segments and syncs follow at once. The answers as they
        stand then."""
        profile_id, wanted = references.expect_profile(reference), body(request, ConsentsIn)
        try:
            services.record_choices(
                identifier_id=_identifier(profile_id, reference, wanted.get("identifier")),
                choices=[Choice(**one) for one in wanted["consents"]], means=ConsentMeans.API, by=actor(request),
                via="api", now=clock.now(), after=follow_moves,
            )  # fmt: skip
        except InvalidPurpose as wrong:
            raise invalid_field(f"/consents/{wrong.index}/{wrong.field}", str(wrong)) from None
        except NotPossible as why:
            raise Problem("conflict", str(why)) from None
        return Response([shaped(ConsentShape, request)(one) for one in _answers(profile_id)])


def _answers(profile_id: int) -> list[dict[str, Any]]:
    names = ("purpose", "channel", "granted", "since")
    return [dict(zip(names, one, strict=True)) for one in identity.consent_answers(profile_id)]


def _identifier(profile_id: int, reference: str, named: str | None) -> int:
    """The identifier that the body names, or the address, or the strongest of the profile."""
    if named is not None:
        return references.identifiers_of(profile_id, [named])[0]
    if ":" in reference:
        found = references.identifier_id(reference)
        if found is not None:
            return found
    profile = identity.profile_view(profile_id)
    own = profile.identifiers if profile else ()
    kind = strongest(one.kind for one in own)
    return next(one.id for one in own if one.kind == kind)


class ProfileConsentHistory(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listConsentRecords", summary="The history of a person's consents", tags=["privacy"],
                   responses=page_of(ConsentRecordShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Every record with its evidence, the latest recorded first."""
        page = Page(request)
        rows = identity.consent_history(
            references.expect_profile(reference), before=page.start(), limit=page.limit + 1
        )  # fmt: skip
        return page.answer(rows, shaped(ConsentRecordShape, request), lambda row: [row.id])


class SourceConsent(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read", "post": "admin:*"}

    @extend_schema(operation_id="getSourceConsent", summary="The consent that a source asks for", tags=["sources"],
                   responses=SourceConsentIn)  # fmt: skip
    def get(self, request: Request, source_id: str) -> Response:
        """Empty when it stores without asking."""
        return Response({"purpose": selectors.gate_of(_source(source_id))})

    @extend_schema(operation_id="askForConsent", summary="Store nothing of a source without consent", tags=["sources"],
                   request=SourceConsentIn, responses=SourceConsentIn)  # fmt: skip
    @idempotent
    def post(self, request: Request, source_id: str) -> Response:
        """From the next batch on items of people who did not consent are dropped and counted."""
        number, wanted = _source(source_id), body(request, SourceConsentIn)
        try:
            services.keep_gate(
                source_id=number, purpose_key=wanted["purpose"], by=actor(request), via="api", now=clock.now()
            )  # fmt: skip
        except InvalidPurpose as wrong:
            raise invalid_field("/purpose", str(wrong)) from None
        return Response({"purpose": selectors.gate_of(number)})


def _source(text: str) -> int:
    number = expect_id(text)
    if connector_selectors.source(number) is None:
        raise Problem("not-found", "There is no such source.")
    return number


class SyncConsent(ApiView):
    scopes: ClassVar[dict[str, str]] = WRITE

    @extend_schema(operation_id="changeSyncConsent", summary="Change the consent that a sync asks for", tags=["syncs"],
                   request=SyncConsentIn, responses={202: SyncShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, sync_id: str) -> Response:
        """The next run compares everybody: people without it are taken off, others come."""
        wanted = body(request, SyncConsentIn)
        try:
            changed = connector_services.change_consent(
                sync_id=expect_sync(sync_id).id, consent=wanted["consent"],
                channel=wanted.get("consent_channel", ""), by=actor(request), via="api",
            )  # fmt: skip
        except InvalidSettings as error:
            raise settings_problem(error) from None
        return Response(shaped(SyncShape, request)(changed), status=202)
