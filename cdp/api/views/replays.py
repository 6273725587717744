"""The quarantine, and what is sent through once more."""

from typing import Any, ClassVar

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import downloads
from cdp.api.auth import actor, sees_personal_data
from cdp.api.filters import Criteria, Filters, IdFilter, InstantFilter
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.events import (
    ItemIn,
    LogFitsIn,
    LogPreviewShape,
    QuarantinedShape,
    QuarantineFitsIn,
    QuarantinePreviewShape,
    RehearsalShape,
    ReplayIn,
    ReplayJobShape,
    ReplayShape,
)
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, accepted, body, expect_id, shaped
from cdp.nudge import APPLY_INBOX, RUN_REPLAYS, wake
from cdp.pipeline.rehearse import rehearse
from cdp.pipeline.replays import identifiers_of, request_log_replay, request_quarantine_replay
from common import clock
from connectors import services as connectors
from events import selectors
from events.contracts import LogFilter, QuarantinedView, QuarantineFilter, Refusal

_STAGES = ("accept", "apply", "block", "clean", "plan", "review")


class QuarantineFilters(Filters):
    state = django_filters.ChoiceFilter(
        choices=[(name, name) for name in ("open", "replayed", "discarded")], help_text="`open` by default."
    )
    source_id = IdFilter()
    event = django_filters.CharFilter(max_length=500, help_text="Name of a track call, or `$page` and the like.")
    stage = django_filters.ChoiceFilter(choices=[(name, name) for name in _STAGES])
    reason = django_filters.CharFilter(max_length=64)
    since = InstantFilter(field_name="received_at", lookup_expr="gte", help_text="Received from this time on.")
    until = InstantFilter(field_name="received_at", lookup_expr="lt", help_text="Received before this time.")


class Quarantine(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}
    filterset_class = QuarantineFilters
    paged = True

    @extend_schema(operation_id="listQuarantine", summary="List quarantined items", tags=["events"],
                   responses=page_of(QuarantinedShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """What was refused or could not be applied, with the reason, newest first."""
        page, criteria = Page(request), self.criteria(request)
        rows = selectors.quarantined(
            state=criteria.value("state", default="open"), before_id=page.start(), limit=page.limit + 1,
            fits=_fits(criteria),
        )  # fmt: skip
        return page.answer(rows, shaped(QuarantinedShape, request), lambda row: [row.id])


def _fits(criteria: Criteria) -> QuarantineFilter:
    return QuarantineFilter(
        source_id=criteria.value("source_id"), event=criteria.value("event", default=""),
        stage=criteria.value("stage", default=""), reason=criteria.value("reason", default=""),
        since=criteria.value("received_at", "gte"), until=criteria.value("received_at", "lt"),
    )  # fmt: skip


class QuarantinedItem(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}

    @extend_schema(operation_id="getQuarantinedItem", summary="Get a quarantined item", tags=["events"],
                   responses=QuarantinedShape)  # fmt: skip
    def get(self, request: Request, item_id: str) -> Response:
        """One item, whatever became of it, with what was sent in its place."""
        return Response(shaped(QuarantinedShape, request)(_expect(item_id)))


class QuarantinedDocument(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}

    @extend_schema(operation_id="getQuarantinedDocument", summary="Download a document that cannot be read",
                   tags=["events"], responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})  # fmt: skip
    def get(self, request: Request, item_id: str) -> Any:
        """The document byte for byte, as it lay in the inbox (JSON packed by zstd, damaged). Needs the scope
        `profiles:pii`."""
        found = _expect(item_id)
        if not sees_personal_data(request):
            raise Problem("missing-scope", "This needs the scope `profiles:pii`.", more={"scope": "profiles:pii"})
        document = selectors.quarantined_document(found.id)
        if document is None:
            raise Problem("not-found", "This item can be read: it stands in `item`.")
        return downloads.document_answer(found.id, document)


class QuarantinedItemTry(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "events:write"}

    @extend_schema(operation_id="tryQuarantinedItem", summary="Try a quarantined item", tags=["events"],
                   request=ItemIn, responses=RehearsalShape)  # fmt: skip
    def post(self, request: Request, item_id: str) -> Response:
        """What would become of it, perhaps in another wording (`item`): the door, the plan, the suppression list and
        the database are asked, and nothing is kept."""
        found = _expect_open(item_id)
        text = body(request, ItemIn).get("item") or found.item
        verdict = rehearse(source_id=found.source_id or 0, raw=text.encode(), now=clock.now())
        return Response(shaped(RehearsalShape, request)(verdict))


class QuarantinedItemReplay(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "events:write"}

    @extend_schema(operation_id="replayQuarantinedItem", summary="Edit and replay a quarantined item", tags=["events"],
                   request=ItemIn, responses=QuarantinedShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, item_id: str) -> Response:
        """Accept it again, perhaps in another wording (`item`). The item as it came stays in the record."""
        found = _expect_open(item_id)
        text = body(request, ItemIn).get("item") or found.item
        try:
            refused = connectors.replay_edited(
                item_id=found.id, text=text, by=actor(request), via="api", now=clock.now()
            )
        except connectors.Settled as why:
            raise Problem("conflict", str(why)) from None
        if isinstance(refused, Refusal):
            raise invalid_field("/item", refused.detail, refused.reason.replace("_", "-"))
        wake(APPLY_INBOX)
        return Response(shaped(QuarantinedShape, request)(_expect(item_id)))


class QuarantineReplay(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "events:write"}

    @extend_schema(operation_id="replayQuarantine", summary="Replay quarantined items", tags=["events"],
                   request=ReplayIn, responses=ReplayShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Accept the items again, as if they had just been sent. Those that would be refused again stay in the
        quarantine; those that were settled already are skipped."""
        wanted = sorted(set(body(request, ReplayIn)["ids"]))
        found = connectors.replay_quarantined(wanted, by=actor(request), via="api", now=clock.now())
        if found.accepted:
            wake(APPLY_INBOX)
        taken = found.accepted + len(found.refused)
        return Response({"accepted": found.accepted, "refused": len(found.refused), "skipped": len(wanted) - taken})


class QuarantineReplayPreview(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "sync:read"}

    @extend_schema(operation_id="previewQuarantineReplay", summary="Count what a replay would take", tags=["events"],
                   request=QuarantineFitsIn, responses=QuarantinePreviewShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """How many open items fit, by source, stage and reason."""
        counts, _ = selectors.quarantine_counts(_wanted(request))
        found = {"total": sum(one.count for one in counts), "by": counts}
        return Response(shaped(QuarantinePreviewShape, request)(found))


class QuarantineReplayJob(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "events:write"}

    @extend_schema(operation_id="replayQuarantineByFilter", summary="Replay all quarantined items that fit",
                   tags=["events"], request=QuarantineFitsIn, responses={202: ReplayJobShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A worker does it in small steps that give way to what comes in. Stop it by its job."""
        made = request_quarantine_replay(fits=_wanted(request), by=actor(request), now=clock.now(), via="api")
        wake(RUN_REPLAYS)
        return accepted(shaped(ReplayJobShape, request)(made), f"/api/v1/replays/{made.id}")


def _wanted(request: Request) -> QuarantineFilter:
    return QuarantineFilter(**{key: value for key, value in body(request, QuarantineFitsIn).items() if value})


class LogReplayPreview(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "sync:read"}

    @extend_schema(operation_id="previewLogReplay", summary="Count the events that a replay would read",
                   tags=["events"], request=LogFitsIn, responses=LogPreviewShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """Exact, or an estimate when counting takes longer than ten seconds."""
        fits = _events_wanted(request)
        total, estimated = selectors.count_events(fits, ids=identifiers_of(fits))
        return Response(shaped(LogPreviewShape, request)({"total": total, "estimated": estimated}))


def _events_wanted(request: Request) -> LogFilter:
    return LogFilter(**{key: value for key, value in body(request, LogFitsIn).items() if value})


class Replays(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read", "post": "profiles:write"}
    paged = True

    @extend_schema(operation_id="replayLog", summary="Replay events of the log", tags=["events"],
                   request=LogFitsIn, responses={202: ReplayJobShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """What they say of identifiers, links and traits is derived once more by the rules of today, and events are
        hung on the right identifier. Twice is as good as once. Stop it by its job."""
        made = request_log_replay(fits=_events_wanted(request), by=actor(request), now=clock.now(), via="api")
        wake(RUN_REPLAYS)
        return accepted(shaped(ReplayJobShape, request)(made), f"/api/v1/replays/{made.id}")

    @extend_schema(operation_id="listReplays", summary="List replays", tags=["events"],
                   responses=page_of(ReplayJobShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Newest first."""
        page = Page(request)
        rows = selectors.replays(before=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(ReplayJobShape, request), lambda row: [row.id])


class Replay(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}

    @extend_schema(operation_id="getReplay", summary="Get a replay", tags=["events"], responses=ReplayJobShape)
    def get(self, request: Request, replay_id: str) -> Response:
        """One replay; its job tells how far it is."""
        found = selectors.replay(expect_id(replay_id))
        if found is None:
            raise Problem("not-found")
        return Response(shaped(ReplayJobShape, request)(found))


def _expect(text: str) -> QuarantinedView:
    found = selectors.quarantined_item(expect_id(text))
    if found is None:
        raise Problem("not-found")
    return found


def _expect_open(text: str) -> Any:
    found = _expect(text)
    if found.state != "open" or found.source_id is None:
        raise Problem("conflict", "This item waits no more: it was replayed or discarded, or nobody knows its source.")
    return found
