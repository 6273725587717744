"""Who is told of alerts and reports, and how it went."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.notices import DigestShape, RecipientIn, RecipientMadeShape, RecipientShape
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from common import clock
from connectors import services as connectors
from quality import selectors, services
from quality.contracts import BadRecipient, NoSuchDigest


class Recipients(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "admin:*", "post": "admin:*"}
    paged = True

    @extend_schema(operation_id="listAlertRecipients", summary="List who is told of alerts", tags=["sources"],
                   responses=page_of(RecipientShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Mail and webhooks."""
        return counted_page(request, RecipientShape, selectors.recipients())

    @extend_schema(operation_id="keepAlertRecipient", summary="Tell somebody of alerts", tags=["sources"],
                   request=RecipientIn, responses={201: RecipientMadeShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """By mail, or by a signed call. The secret is in this answer only."""
        given = body(request, RecipientIn)
        wish = services.Wish(**{name: given[name] for name in (
            "alerts", "kinds", "source_ids", "reports", "every_minutes")})  # fmt: skip
        now, by = clock.now(), actor(request)
        secret = connectors.new_webhook_secret() if given["way"] == "webhook" else ""
        try:
            made = services.keep_alert_webhook(
                name=given["name"], url=given["url"], wish=wish, secret=secret, by=by, now=now, via="api",
            ) if secret else services.keep_mail(email=given["email"], wish=wish, by=by, now=now, via="api")  # fmt: skip
        except BadRecipient as wrong:
            field, _, words = str(wrong).partition(": ")
            raise Problem(
                "invalid-request", str(wrong), errors=[{"pointer": f"/{field}", "code": "invalid", "message": words}]
            ) from None
        (found,) = selectors.recipients(recipient_id=made)
        return Response({**shaped(RecipientShape, request)(found), "secret": secret}, status=201)


class OneRecipient(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "admin:*"}

    @extend_schema(operation_id="dropAlertRecipient", summary="Tell somebody of alerts no more", tags=["sources"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, recipient_id: str) -> Response:
        """What waits for them goes, too."""
        if not services.drop_recipient(
            recipient_id=expect_id(recipient_id), by=actor(request), now=clock.now(), via="api"
        ):
            raise Problem("not-found")
        return Response(status=204)


class Digests(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "admin:*"}
    paged = True

    @extend_schema(operation_id="listAlertDigests", summary="List mails and calls of alerts", tags=["sources"],
                   responses=page_of(DigestShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first; of the last 90 days."""
        page = Page(request)
        rows = selectors.digests(before_id=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(DigestShape, request), lambda row: [row.id])


class DigestAgain(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "admin:*"}

    @extend_schema(operation_id="sendAlertDigestAgain", summary="Send a mail or call of alerts again",
                   tags=["sources"], request=None, responses=DigestShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, digest_id: str) -> Response:
        """One that failed, or of which it is not known."""
        number = expect_id(digest_id)
        try:
            services.send_again(digest_id=number, by=actor(request), now=clock.now(), via="api")
        except NoSuchDigest as wrong:
            raise Problem("not-found", str(wrong)) from None
        found: list[Any] = selectors.digests(digest_id=number)
        return Response(shaped(DigestShape, request)(found[0]))
