"""Who is in a segment at a version, and the changes from there on: a channel that reads both has the same members."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import cursors, filters, parsing, positions
from cdp.api.auth import token_of
from cdp.api.problems import Problem, invalid_field, invalid_parameter
from cdp.api.shapes.segments import AckIn, ChangeShape, ChangesShape, MembersShape, PositionShape
from cdp.api.views.base import ApiView, Page, body, shaped
from cdp.api.views.segments import expect_segment
from cdp.environment import envint
from common import clock
from segments import selectors

WAIT_MAX = 25
_LOOK_EVERY = (0.05, 0.1, 0.15, 0.25)
# Each waiting request holds a thread of the web server: half of them may wait, further requests are answered at once.
_waiting = threading.BoundedSemaphore(max(1, envint("CDP_WEB_THREADS", 8) // 2))


class Members(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    parameters = ("version", "include")
    paged = True

    @extend_schema(operation_id="listMembers", summary="Members of a segment", tags=["segments"],
                   responses=MembersShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """All pages of one reading show the same version, whatever happens meanwhile. Follow `changes_cursor` to
        stay up to date from there."""
        segment = expect_segment(reference)
        page = Page(request)
        version = self._version(request) if page.position is None else page.start(0)
        rows = selectors.members(segment.id, at_seq=version, after_profile=page.start(1), limit=page.limit + 1)
        answer = page.answer(rows, lambda row: {"profile_id": str(row)}, lambda row: [version, row])
        answer.data |= {"version": version, "changes_cursor": feed_cursor(segment.id, version)}
        if request.query_params.get("include") == "total":
            answer.data["total"] = selectors.size(segment.id, at_seq=version)
        return answer

    def _version(self, request: Request) -> int:
        head = selectors.head_seq()
        if request.query_params.get("include", "total") != "total":
            raise invalid_parameter("include", "Only `total` can be included.")
        text = request.query_params.get("version")
        if text is None:
            return head
        version = whole("version", text)
        if version > head:
            raise invalid_parameter("version", f"The newest change is {head}.", "in-the-future")
        return version


class Changes(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read"}
    parameters = ("after", "wait", "limit", "cursor")

    @extend_schema(operation_id="listChanges", summary="Changes of a segment", tags=["segments"],
                   responses=ChangesShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Who came in and who went out, in order of `seq`. Start with `changes_cursor` of a members reading (or
        `after`, a version), then pass each `next_cursor` on. With `wait` the request stays open until there is news."""
        segment = expect_segment(reference)
        asked = Asked(
            segment_id=segment.id,
            after=_start(request, segment.id),
            limit=filters.limit(request.query_params),
            wait=_wait(request),
        )
        found = read(asked)
        return Response(
            {
                "data": [shaped(ChangeShape, request)(one) for one in found.rows],
                "next_cursor": feed_cursor(segment.id, found.next_after),
                "has_more": found.has_more,
                "version": found.version,
            }
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A reading of the feed: changes of one segment after a point, waiting up to `wait` seconds for the first."""

    segment_id: int
    after: int
    limit: int
    wait: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a reading found, and the point from which the next one goes on."""

    rows: list[Any]
    next_after: int
    has_more: bool
    version: int


def read(asked: Asked) -> Found:
    """The changes that are there; none after the wait moves the point to the head, past other segments' changes."""
    found = _look(asked)
    if found.rows or not asked.wait:
        return found
    with _place_to_wait() as granted:
        until = time.monotonic() + (asked.wait if granted else 0)
        turn = 0
        while not found.rows and time.monotonic() < until:
            time.sleep(min(_LOOK_EVERY[min(turn, len(_LOOK_EVERY) - 1)], max(0.0, until - time.monotonic())))
            turn += 1
            # The head is one row of one index; the segment's changes are read only when the ledger has moved.
            if selectors.head_seq() > found.version:
                found = _look(asked)
    return found


def _look(asked: Asked) -> Found:
    # The head is read before the rows: a row that comes in between is found again, never skipped.
    head = selectors.head_seq()
    rows = list(selectors.changes(asked.segment_id, after_seq=asked.after, limit=asked.limit + 1))
    shown = rows[: asked.limit]
    more = len(rows) > asked.limit
    last = shown[-1].seq if shown else asked.after
    return Found(rows=shown, next_after=last if more else max(last, head), has_more=more, version=max(head, last))


@contextmanager
def _place_to_wait() -> Iterator[bool]:
    granted = _waiting.acquire(blocking=False)
    try:
        yield granted
    finally:
        if granted:
            _waiting.release()


class Acknowledge(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "sync:read", "post": "sync:ack"}

    @extend_schema(operation_id="getPosition", summary="Where this channel is", tags=["segments"],
                   responses=PositionShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """The last change that this token has acknowledged; `seq` is 0 before the first time."""
        return Response(_position(token_of(request).pk, expect_segment(reference).id))

    @extend_schema(operation_id="acknowledgeChanges", summary="Say how far you have come", tags=["segments"],
                   request=AckIn, responses=PositionShape)  # fmt: skip
    def post(self, request: Request, reference: str) -> Response:
        """Stores the channel's position, which the UI shows as its lag. Going back is allowed: a channel that starts
        over says so."""
        segment = expect_segment(reference)
        seq = body(request, AckIn)["seq"]
        head = selectors.head_seq()
        if seq > head:
            raise invalid_field("/seq", f"The newest change is {head}.", "in-the-future")
        positions.acknowledge(token_id=token_of(request).pk, segment_id=segment.id, seq=seq, now=clock.now())
        return Response(_position(token_of(request).pk, segment.id))


def _position(token_id: int, segment_id: int) -> dict[str, Any]:
    found = positions.position(token_id=token_id, segment_id=segment_id)
    return {
        "segment_id": str(segment_id),
        "seq": found.seq if found else 0,
        "acknowledged_at": clock.iso(found.acknowledged_at) if found else None,
        "version": selectors.head_seq(),
    }


def feed_cursor(segment_id: int, after: int) -> str:
    """The cursor of a segment's feed from just after a change."""
    return cursors.encode(asked=_feed(segment_id), position=[after], key=settings.SECRET_KEY)


def _feed(segment_id: int) -> str:
    return cursors.question(f"changes of {segment_id}", {})


def _start(request: Request, segment_id: int) -> int:
    cursor = request.query_params.get("cursor", "")
    if cursor:
        after = int(cursors.decode(cursor, asked=_feed(segment_id), key=settings.SECRET_KEY)[0])
        if after > selectors.head_seq():
            raise Problem("cursor-expired", more={"members": f"/api/v1/segments/{segment_id}/members"})
        return after
    return whole("after", request.query_params.get("after", "0"))


def _wait(request: Request) -> int:
    seconds = whole("wait", request.query_params.get("wait", "0"))
    if seconds > WAIT_MAX:
        raise invalid_parameter("wait", f"At most {WAIT_MAX} seconds.", "out-of-range")
    return seconds


def whole(name: str, text: str) -> int:
    """A whole number from 0 up that a bigint can hold, or a 422."""
    number = 0 if text == "0" else parsing.row_id(text)
    if number is None:
        raise invalid_parameter(name, "A whole number, 0 or more.", "not-a-number")
    return number
