"""Messages: templates, sending one to somebody, what became of it."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import selectors, services
from campaigns.contracts import CHANNELS, CannotRender, InvalidTemplate, SendingNotPossible, TemplateView
from cdp.api import references
from cdp.api.auth import actor, sees_personal_data
from cdp.api.filters import Filters
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import conceal, page_of
from cdp.api.shapes.messages import (
    InboxIn,
    InboxShape,
    MessageShape,
    PublishIn,
    RenderedShape,
    SendIn,
    SendOutcomeShape,
    TemplateIn,
    TemplatePreviewIn,
    TemplateShape,
    TemplateVersionIn,
    TemplateVersionShape,
)
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from cdp.nudge import SEND_MESSAGES, wake
from common import clock
from identity import selectors as identity


class Templates(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read", "post": "messages:write"}
    paged = True

    @extend_schema(operation_id="listTemplates", summary="List templates", tags=["messages"],
                   responses=page_of(TemplateShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first; archived ones are left out."""
        page = Page(request)
        rows = selectors.templates(before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(TemplateShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createTemplate", summary="Create a template", tags=["messages"], request=TemplateIn,
                   responses={201: TemplateShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """With its first version, which is sent once it is published."""
        wanted = body(request, TemplateIn)
        made = judged(lambda: services.create_template(by=actor(request), now=clock.now(), via="api", **wanted))
        location = {"Location": f"/api/v1/templates/{made.slug}"}
        return Response(shaped(TemplateShape, request)(made), status=201, headers=location)


class Template(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read"}

    @extend_schema(operation_id="getTemplate", summary="Get a template", tags=["messages"],
                   responses=TemplateShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """By id or slug."""
        return Response(shaped(TemplateShape, request)(_expect(reference)))


class TemplateVersions(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read", "post": "messages:write"}
    paged = True

    @extend_schema(operation_id="listTemplateVersions", summary="List versions of a template", tags=["messages"],
                   responses=page_of(TemplateVersionShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Newest first."""
        page = Page(request)
        before = page.start()
        every = selectors.template_versions(_expect(reference).id)
        rows = [one for one in every if before is None or one.number < before]
        return page.answer(rows[: page.limit + 1], shaped(TemplateVersionShape, request), lambda row: [row.number])

    @extend_schema(operation_id="addTemplateVersion", summary="Write another version", tags=["messages"],
                   request=TemplateVersionIn, responses={201: TemplateVersionShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """What is sent stays as it is until this one is published."""
        found, wanted = _expect(reference), body(request, TemplateVersionIn)
        made = judged(
            lambda: services.add_version(found.id, by=actor(request), now=clock.now(), via="api", **wanted)
        )  # fmt: skip
        return Response(shaped(TemplateVersionShape, request)(made), status=201)


class TemplatePublish(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:write"}

    @extend_schema(operation_id="publishTemplate", summary="Publish a version", tags=["messages"], request=PublishIn,
                   responses=TemplateShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """From now on it is sent; what is queued keeps its own."""
        found, wanted = _expect(reference), body(request, PublishIn)
        done = judged(lambda: services.publish_template(
            found.id, wanted["version"], by=actor(request), now=clock.now(), via="api"
        ))  # fmt: skip
        return Response(shaped(TemplateShape, request)(done))


class TemplateArchive(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:write"}

    @extend_schema(operation_id="archiveTemplate", summary="Archive a template", tags=["messages"], request=None,
                   responses=TemplateShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Nothing more is asked for with it; what is queued still goes out. Publishing takes it back."""
        found = _expect(reference)
        done = services.archive_template(found.id, by=actor(request), now=clock.now(), via="api")
        return Response(shaped(TemplateShape, request)(done))


class TemplatePreview(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:read"}

    @extend_schema(operation_id="previewTemplate", summary="Preview for a person", tags=["messages"],
                   request=TemplatePreviewIn, responses=RenderedShape)  # fmt: skip
    def post(self, request: Request, reference: str) -> Response:
        """What somebody would get, and what is missing. Personal traits are masked unless the token sees them."""
        found, wanted = _expect(reference), body(request, TemplatePreviewIn)
        version = selectors.template_version(found.id, wanted.get("version", found.newest))
        if version is None:
            raise invalid_field("/version", "There is no such version.", "not-found")
        profile = identity.profile_view(references.profile_in_body(wanted["profile"], "/profile"))
        traits = dict(profile.traits) if profile else {}
        shown = traits if sees_personal_data(request) else conceal(traits)
        rendered = judged(lambda: services.preview(
            version.contents, wanted["channel"], language=version.language, traits=shown,
            variables=_variables(wanted), defaults=version.defaults,
        ))  # fmt: skip
        return Response(shaped(RenderedShape, request)(rendered))


class MessageSend(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:send"}

    @extend_schema(operation_id="sendMessage", summary="Send a message to a person", tags=["messages"],
                   request=SendIn, responses={202: SendOutcomeShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Decided at once, handed over by a worker within seconds. Transactional messages ask for no consent unless a
        purpose is named, and wait for no quiet hours; addresses that bounced or complained are never written to."""
        wanted = body(request, SendIn)
        template = selectors.template(wanted["template"])
        if template is None or not template.live or template.archived:
            raise invalid_field("/template", "There is no such template, or it was not published.", "not-found")
        outcome = judged(lambda: services.send_message(
            key=wanted.get("key", ""), profile_id=references.profile_in_body(wanted["profile"], "/profile"),
            template_id=template.id, channels=tuple(wanted.get("channels") or template.channels),
            message_class=wanted.get("message_class", template.message_class), purpose=wanted.get("purpose", ""),
            variables=_variables(wanted), not_before=wanted.get("not_before"), send_by=wanted.get("send_by"),
            now=clock.now(),
        ))  # fmt: skip
        if outcome.state == "queued":
            wake(SEND_MESSAGES)
        location = {"Location": f"/api/v1/messages/{outcome.send_id}"}
        return Response(shaped(SendOutcomeShape, request)(outcome), status=202, headers=location)


class _Asked(Filters):
    state = django_filters.CharFilter()
    channel = django_filters.ChoiceFilter(choices=[(one, one) for one in CHANNELS])
    origin = django_filters.CharFilter()
    reason = django_filters.CharFilter()


class Messages(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read"}
    filterset_class = _Asked
    paged = True

    @extend_schema(operation_id="listMessages", summary="List messages", tags=["messages"],
                   responses=page_of(MessageShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The ledger, newest first: what was sent, what waits, and what was not sent with the reason."""
        page, asked = Page(request), self.criteria(request)
        chosen = {name: str(asked.value(name, default="")) for name in ("state", "channel", "origin", "reason")}
        rows = selectors.sends(chosen, before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(MessageShape, request), lambda row: [row.id])


class Message(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "messages:read"}

    @extend_schema(operation_id="getMessage", summary="Get a message", tags=["messages"],
                   responses=MessageShape)  # fmt: skip
    def get(self, request: Request, send_id: str) -> Response:
        """How far it is."""
        found = selectors.send(expect_id(send_id))
        if found is None:
            raise Problem("not-found", "There is no such message.")
        return Response(shaped(MessageShape, request)(found))


class MessageCancel(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:send"}

    @extend_schema(operation_id="cancelMessage", summary="Cancel a message", tags=["messages"], request=None,
                   responses=MessageShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, send_id: str) -> Response:
        """While it waits."""
        return _steered(request, send_id, services.cancel_send)


class MessageRetry(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:send"}

    @extend_schema(operation_id="retryMessage", summary="Try a message again", tags=["messages"], request=None,
                   responses=MessageShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, send_id: str) -> Response:
        """One that failed, or of which nothing is known: then the person may get it twice."""
        answer = _steered(request, send_id, services.retry_send)
        wake(SEND_MESSAGES)
        return answer


class MessageInbox(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "messages:read"}

    @extend_schema(operation_id="readInbox", summary="In-app messages of a person", tags=["messages"],
                   request=InboxIn, responses=InboxShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """For your own server, which shows them; whoever is not known has none."""
        found = references.profile_id(body(request, InboxIn)["identifier"])
        rows = selectors.inbox(identity.identifier_ids(found)) if found is not None else []
        return Response(shaped(InboxShape, request)({"data": rows}))


def _steered(request: Request, send_id: str, act: Callable[..., None]) -> Response:
    number = expect_id(send_id)
    if selectors.send(number) is None:
        raise Problem("not-found", "There is no such message.")
    judged(lambda: act(number, by=actor(request), now=clock.now(), via="api"))
    return Response(shaped(MessageShape, request)(selectors.send(number)))


def _variables(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    given = wanted.get("variables") or {}
    if not isinstance(given, Mapping):
        raise invalid_field("/variables", "Give an object: variables by name.")
    return given


def judged(work: Callable[[], Any]) -> Any:
    """The answer, or the problem that the API tells."""
    try:
        return work()
    except (InvalidTemplate, services.InvalidPolicy) as wrong:
        errors = [{"pointer": where, "code": "invalid", "message": what} for where, what in wrong.problems.items()]
        raise Problem("invalid-request", str(wrong), errors=errors) from None
    except CannotRender as wrong:
        raise Problem("invalid-request", str(wrong)) from None
    except SendingNotPossible as why:
        raise Problem("conflict", str(why)) from None


def _expect(reference: str) -> TemplateView:
    found = selectors.template(reference)
    if found is None:
        raise Problem("not-found", "There is no such template.")
    return found
