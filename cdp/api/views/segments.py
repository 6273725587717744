"""Segments: rules that are read, made and changed."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar

import django_filters
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from cdp import usage
from cdp.api import etags, parsing
from cdp.api.auth import actor
from cdp.api.filters import Filters, IdFilter, YesNoFilter
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.segments import (
    DifferenceShape,
    FindingShape,
    OverlapShape,
    PreviewIn,
    PreviewShape,
    PublicationShape,
    RestoreIn,
    SegmentChangeIn,
    SegmentIn,
    SegmentShape,
)
from cdp.api.views.base import ApiView, Page, accepted, body, shaped
from cdp.nudge import RUN_PUBLICATIONS, wake
from common import audit, clock, jobs, pg, turns
from segments import selectors, services
from segments.contracts import PublicationView, RuleError, SegmentView


def expect_segment(reference: str) -> SegmentView:
    """The segment that an address names by id or slug, or a 404."""
    number = parsing.row_id(reference)
    found = selectors.segment(number if number is not None and number < 2**31 else reference)
    if found is None:
        raise Problem("not-found", "No segment has this id or slug.")
    return found


class SegmentFilters(Filters):
    slug = django_filters.CharFilter(max_length=80)
    name = django_filters.CharFilter(lookup_expr="icontains", max_length=200, help_text="Part of the name.")
    owner = django_filters.CharFilter(max_length=200)
    tag = django_filters.CharFilter(
        field_name="tags", lookup_expr="contains", max_length=40, help_text="One of its tags."
    )
    archived = YesNoFilter(help_text="Archived ones instead of those in use.")


class DifferenceFilters(Filters):
    after = IdFilter(help_text="The earlier version; the very beginning when left out.")
    until = IdFilter(help_text="The later version; the newest when left out.")


class Segments(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    filterset_class = SegmentFilters
    paged = True

    @extend_schema(operation_id="listSegments", summary="List segments", tags=["segments"],
                   responses=page_of(SegmentShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of id."""
        page = Page(request)
        criteria = self.criteria(request)
        archived = bool(criteria.value("archived"))
        rows = [row for row in selectors.segments(archived=archived) if (row.archived_at is not None) == archived]
        rows = [row for row in criteria.without("archived").keep(rows) if row.id > page.start(0, 0)]
        rows.sort(key=lambda row: row.id)
        return page.answer(rows, shaped(SegmentShape, request), lambda row: [row.id])

    @extend_schema(operation_id="createSegment", summary="Create a segment", tags=["segments"],
                   request=SegmentIn, responses={201: SegmentShape, 202: PublicationShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Members are found at once; from then on the segment follows the data. When counting the past takes long, or
        with `Prefer: respond-async`, the answer is 202 and a publication that shows how far it is."""
        wanted = body(request, SegmentIn)
        rule = judged(lambda: rule_of(wanted))
        if rule is None:
            raise invalid_field("/rule", "Give the rule: `rule` or `rule_text`.")
        details = {name: value for name, value in wanted.items() if name not in ("rule", "rule_text")}
        if later(request, rule):
            return promised(request, judged(lambda: services.request_publication(
                rule=rule, by=actor(request), now=clock.now(), slug=details.pop("slug", ""), details=details, via="api",
            )))  # fmt: skip
        made = judged(lambda: services.create_segment(rule=rule, by=actor(request), now=clock.now(), **details))
        note("created", made, by=actor(request))
        response = tagged(expect_segment(str(made.id)), request)
        response.status_code = 201
        response.headers["Location"] = f"/api/v1/segments/{made.id}"
        return response


class Segment(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "patch": "segments:write"}

    @extend_schema(operation_id="getSegment", summary="Get a segment", tags=["segments"], responses=SegmentShape)
    def get(self, request: Request, reference: str) -> Response:
        """By id or slug. The `ETag` is what a change needs as `If-Match`."""
        return tagged(expect_segment(reference), request)

    @extend_schema(operation_id="changeSegment", summary="Change a segment", tags=["segments"],
                   request=SegmentChangeIn, responses={200: SegmentShape, 202: PublicationShape})  # fmt: skip
    def patch(self, request: Request, reference: str) -> Response:
        """Change its details or its rule. Members who come and go meanwhile do not make `If-Match` stale; a change of
        the segment itself does. A rule whose past takes long to count is published as when a segment is made."""
        wanted = body(request, SegmentChangeIn)
        condition = request.headers.get("If-Match")
        if condition is None:
            raise Problem("precondition-required")
        segment_id, rule = expect_segment(reference).id, judged(lambda: rule_of(wanted))
        if rule is not None and later(request, rule):
            details = {name: value for name, value in wanted.items() if name not in ("rule", "rule_text")}
            present = expect_unchanged(segment_id, condition)
            return promised(request, judged(lambda: services.request_publication(
                rule=rule, by=actor(request), now=clock.now(), segment=present, details=details, via="api",
            )))  # fmt: skip
        return tagged(judged(lambda: change(segment_id, wanted, condition=condition, by=actor(request))), request)


class Publication(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "delete": "segments:write"}

    @extend_schema(operation_id="getPublication", summary="Get a publication", tags=["segments"],
                   responses=PublicationShape)  # fmt: skip
    def get(self, request: Request, publication_id: str) -> Response:
        """A rule that is being published; `segment_id` leads to the segment when it is `done`."""
        return Response(shaped(PublicationShape, request)(expect_publication(publication_id)))

    @extend_schema(operation_id="stopPublication", summary="Stop a publication", tags=["segments"],
                   responses={202: PublicationShape})  # fmt: skip
    def delete(self, request: Request, publication_id: str) -> Response:
        """Nothing is published then; one that is done stays."""
        found = expect_publication(publication_id)
        jobs.cancel(found.job_id)
        audit.record(
            actor=actor(request), via="api", action="segment.publication_stop", object_type="publication",
            object_id=found.id, summary=f"Asked to stop publishing {found.name}",
        )  # fmt: skip
        return Response(shaped(PublicationShape, request)(expect_publication(publication_id)), status=202)


def expect_publication(text: str) -> PublicationView:
    """The publication that an address names, or a 404."""
    number = parsing.row_id(text)
    found = None if number is None else selectors.publication(number)
    if found is None:
        raise Problem("not-found", "No publication has this id.")
    return found


def later(request: Request, rule: Any) -> bool:
    """Whether a worker publishes the rule: it takes long, or was asked for so (RFC 7240)."""
    return "respond-async" in request.headers.get("Prefer", "") or bool(judged(lambda: services.takes_long(rule)))


def promised(request: Request, asked: PublicationView) -> Response:
    """202, with where to look."""
    wake(RUN_PUBLICATIONS)
    return accepted(shaped(PublicationShape, request)(asked), f"/api/v1/publications/{asked.id}")


class SegmentPreview(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:read"}

    @extend_schema(operation_id="previewSegment", summary="Try out a rule", tags=["segments"],
                   request=PreviewIn, responses=PreviewShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """How many profiles the rule would take now; nothing is stored."""
        rule = judged(lambda: rule_of(body(request, PreviewIn)))
        if rule is None:
            raise invalid_field("/rule", "Give the rule: `rule` or `rule_text`.")
        return Response(PreviewShape(judged(lambda: services.preview(rule=rule, now=clock.now()))).data)


class SegmentDifference(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    filterset_class = DifferenceFilters

    @extend_schema(operation_id="compareVersions", summary="What changed between two versions", tags=["segments"],
                   responses=DifferenceShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Versions are numbers of the ledger (`seq`, `version`), the same for every segment and channel."""
        segment, asked = expect_segment(reference), self.criteria(request)
        start, end = asked.value("after", default=0), asked.value("until", default=selectors.head_seq())
        return Response(DifferenceShape(selectors.difference(segment.id, from_seq=start, to_seq=end)).data)


class SegmentRestore(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}

    @extend_schema(operation_id="restoreVersion", summary="Bring an earlier rule back", tags=["segments"],
                   request=RestoreIn, responses={200: SegmentShape, 202: PublicationShape})  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """The rule of that version becomes the next version."""
        segment, version = expect_live(reference), body(request, RestoreIn)["version"]
        chosen = next((one for one in selectors.versions(segment.id) if one.version == version), None)
        if chosen is None:
            raise Problem("not-found", f"The segment has no version {version}.")
        by = actor(request)
        if later(request, chosen.rule):
            return promised(request, judged(lambda: services.request_publication(
                rule=chosen.rule, by=by, now=clock.now(), segment=segment, note=f"As it was in version {version}.",
                via="api",
            )))  # fmt: skip
        judged(lambda: services.restore_version(segment_id=segment.id, version=version, by=by, now=clock.now()))
        changed = expect_segment(str(segment.id))
        note("restored", changed, by=by, before={"rule": segment.rule})
        return tagged(changed, request)


class SegmentArchive(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}

    @extend_schema(operation_id="archiveSegment", summary="End a segment", tags=["segments"], request=None,
                   responses=SegmentShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, reference: str) -> Response:
        """Everybody leaves it, and channels that hold them are told; its history stays. Refused while others use it."""
        segment = expect_live(reference)
        if why := usage.held_by(segment):
            raise Problem("conflict", why)
        judged(lambda: services.archive(segment_id=segment.id, by=actor(request), now=clock.now()))
        ended = expect_segment(str(segment.id))
        note("archived", ended, by=actor(request))
        return tagged(ended, request)


class SegmentOverlaps(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    paged = True

    @extend_schema(operation_id="listOverlaps", summary="Segments that share people", tags=["segments"],
                   responses=page_of(OverlapShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """All pairs that share anybody, the most alike first. Counted anew for each page."""
        return counted_page(request, OverlapShape, selectors.overlaps())


class SegmentFindings(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    paged = True

    @extend_schema(operation_id="listFindings", summary="What owners should look at", tags=["segments"],
                   responses=page_of(FindingShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Reviews that are due, segments that nobody uses, that nobody is in, or that say the same as another."""
        found = selectors.findings(now=clock.now(), used=usage.used_segments())
        return counted_page(request, FindingShape, found)


def counted_page(request: Request, shape: type[BaseSerializer[Any]], rows: Sequence[Any]) -> Response:
    """A page of what is worked out as a whole, by its place in it."""
    page = Page(request)
    start = page.start(0, 0)
    numbered = list(enumerate(rows))[start : start + page.limit + 1]
    return page.answer(numbered, lambda row: shaped(shape, request)(row[1]), lambda row: [row[0] + 1])


def rule_of(wanted: dict[str, Any]) -> Any:
    """The rule of a body, as a tree or read from its text; None when it has neither."""
    if "rule" in wanted and "rule_text" in wanted:
        raise invalid_field("/rule_text", "Give `rule` or `rule_text`, not both.")
    return selectors.read_rule(wanted["rule_text"]) if "rule_text" in wanted else wanted.get("rule")


def expect_live(reference: str) -> SegmentView:
    """A segment in use, or a problem."""
    found = expect_segment(reference)
    if found.is_archived:
        raise Problem("conflict", "The segment is archived.")
    return found


def change(segment_id: int, wanted: dict[str, Any], *, condition: str, by: str) -> SegmentView:
    """Make the change if `condition` names the present state. The turn is held from the look to the write, so of two
    who edit at once one gets a 412. What a new rule reads is counted before that."""
    now, rule = clock.now(), rule_of(wanted)
    asked = rule is not None or "rule" in wanted
    expect_unchanged(segment_id, condition)
    with services.prepared(rule, now=now) if asked else nullcontext(), transaction.atomic():
        turns.borrow(pg.raw())
        present = expect_unchanged(segment_id, condition)
        details = {name: value for name, value in wanted.items() if name not in ("rule", "rule_text")}
        if details:
            services.change_details(segment_id=segment_id, now=now, **details)
        if asked:
            services.change_rule(segment_id=segment_id, rule=rule, by=by, now=now)
        changed = expect_segment(str(segment_id))
        note("changed", changed, by=by, before={"rule": present.rule, "name": present.name})
    return changed


def expect_unchanged(segment_id: int, condition: str) -> SegmentView:
    """The live segment in the state that the condition names, or a problem."""
    present = expect_segment(str(segment_id))
    if not etags.edits(condition, definition(present)):
        raise Problem("precondition-failed")
    if present.archived_at is not None:
        raise Problem("conflict", "The segment is archived.")
    return present


def note(verb: str, segment: SegmentView, *, by: str, before: dict[str, Any] | None = None) -> None:
    """One entry in the audit log for what a token did."""
    audit.record(
        actor=by, via="api", action=f"segment.{verb}", object_type="segment", object_id=segment.id,
        summary=f"{verb.capitalize()} the segment “{segment.name}”", before=before,
        after={"rule": segment.rule, "name": segment.name},
    )  # fmt: skip


def definition(segment: SegmentView) -> str:
    """A hash of what an edit can change."""
    parts = [segment.id, segment.version, segment.name, segment.description, segment.owner, segment.review_on]
    return etags.content_tag(repr([*parts, segment.archived_at, segment.tags]).encode())


def tagged(segment: SegmentView, request: Request) -> Response:
    """The segment with its strong ETag."""
    data = shaped(SegmentShape, request)(segment)
    tag = etags.edit_tag(definition=definition(segment), content=JSONRenderer().render(data))
    return Response(data, headers={"ETag": tag})


def judged(work: Callable[[], Any]) -> Any:
    """Do it; a rule that cannot be used becomes a 422 that points at its nodes."""
    try:
        return work()
    except RuleError as error:
        errors = [
            {"pointer": f"/rule{one.pointer}", "code": "invalid", "message": one.message} for one in error.problems
        ]
        raise Problem("invalid-rule", str(error), errors=errors) from None
    except (services.SlugTaken, services.SegmentInUse) as error:
        raise Problem("conflict", str(error)) from None
    except services.PreviewTooSlow as error:
        raise Problem("too-slow", str(error)) from None
