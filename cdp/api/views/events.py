"""Stored events: of one profile as pages, and the newest of all."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django_filters
from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import filters, references
from cdp.api.filters import Criteria, Filters, IdFilter, InstantFilter
from cdp.api.shapes.events import EventShape, SessionShape
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, shaped
from common import clock
from connectors import selectors as connectors
from events import selectors
from events.contracts import EVENT_TYPES, EventView
from identity import selectors as identity_selectors

_LATEST_DEFAULT = timedelta(hours=1)
# A rare filter would read a long history in one request: a page ends after this many rows, with a cursor to go on.
_SCAN = 1000
_ALL_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)


class EventFilters(Filters):
    event = django_filters.CharFilter(
        field_name="name", max_length=500, help_text="Name of a track call, or `$page`, `$identify` and the like."
    )
    type = django_filters.ChoiceFilter(choices=[(name, name) for name in sorted(EVENT_TYPES)])
    source_id = IdFilter(help_text="Id of the source that sent it.")
    message_id = django_filters.CharFilter(max_length=500)


class ProfileEventFilters(EventFilters):
    since = InstantFilter(field_name="occurred_at", lookup_expr="gte", help_text="From this time on.")
    until = InstantFilter(field_name="occurred_at", lookup_expr="lt", help_text="Before this time.")


class LatestEventFilters(EventFilters):
    since = InstantFilter(
        field_name="received_at", lookup_expr="gte", help_text="Received from this time on; the last hour by default."
    )


class ProfileEvents(ApiView):
    scopes = {"get": "profiles:read"}
    filterset_class = ProfileEventFilters
    paged = True

    @extend_schema(operation_id="listProfileEvents", summary="Events of a profile", tags=["profiles"],
                   responses=page_of(EventShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Newest first. With a rare filter a page may be short or empty and still have a `next_cursor`."""
        criteria = self.criteria(request)
        page = Page(request)
        ids = identity_selectors.identifier_ids(references.expect_profile(reference))
        at, seen = page.start(0), page.start(1, 0)
        before = criteria.value("occurred_at", "lt", _ALL_OF_TIME) if at is None else _after(at)
        scan = Scan(criteria, read=lambda before, limit: _timeline(ids, criteria, before, limit))
        rows = scan.run(before=before, seen=seen, wanted=page.limit)
        more = page.cursor(list(scan.position)) if scan.position else None
        return Response({"data": [shaped(EventShape, request)(row) for row in rows], "next_cursor": more})


class ProfileSessions(ApiView):
    scopes = {"get": "profiles:read"}
    paged = True

    @extend_schema(operation_id="listProfileSessions", summary="Sessions of a profile", tags=["profiles"],
                   responses=page_of(SessionShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Visits to websites and apps, the latest first, told from the log anew each time. A pause of more than half an
        hour (or as the installation is set) ends one."""
        page = Page(request)
        ids = identity_selectors.identifier_ids(references.expect_profile(reference))
        at = page.start(0)
        rows = selectors.sessions(
            identifier_ids=ids, source_ids=connectors.visited_sources(), limit=page.limit + 1,
            before=_ALL_OF_TIME if at is None else clock.from_micros(at),
            gap=timedelta(minutes=settings.SESSION_MINUTES),
        )  # fmt: skip
        return page.answer(rows, shaped(SessionShape, request), lambda row: [clock.micros(row.started_at)])


class Scan:
    """Reads newest first until a page is full, enough was read or nothing is left.

    Many events may have the same time, so the position is that time and how many of its events were read.
    """

    def __init__(self, criteria: Criteria, *, read: Callable[[datetime, int], list[EventView]]) -> None:
        self._criteria = criteria
        self._read = read
        self._since = criteria.value("occurred_at", "gte")
        self.position: tuple[int, int] | None = None

    def run(self, *, before: datetime, seen: int, wanted: int) -> list[EventView]:
        """Up to `wanted` fitting rows; `position` is where the next page starts, None at the end."""
        found: list[EventView] = []
        asked = max(wanted, _SCAN) + seen + 1
        rows = self._read(before, asked)
        at: datetime | None = None
        read_at = 0
        for row in rows[:-1] if len(rows) == asked else rows:
            read_at = read_at + 1 if row.occurred_at == at else 1
            at = row.occurred_at
            if seen:
                seen -= 1
                continue
            if self._since is not None and at < self._since:
                return found
            if self._criteria.keep([row]):
                found.append(row)
            if len(found) == wanted:
                break
        if at is not None and (len(found) == wanted or len(rows) == asked):
            self.position = (clock.micros(at), read_at)
        return found


class LatestEvents(ApiView):
    scopes = {"get": "profiles:read"}
    filterset_class = LatestEventFilters
    parameters = ("limit",)

    @extend_schema(operation_id="listLatestEvents", summary="The newest events", tags=["events"],
                   responses=page_of(EventShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of all profiles, newest first: a window on the stream, not a list to page through."""
        criteria = self.criteria(request)
        since = criteria.value("received_at", "gte", clock.now() - _LATEST_DEFAULT)
        wanted = filters.limit(request.query_params)
        rows = selectors.latest(source_id=criteria.value("source_id"), since=since, limit=max(wanted, _SCAN))
        shown = criteria.keep(rows)[:wanted]
        return Response({"data": [shaped(EventShape, request)(row) for row in shown], "next_cursor": None})


def _timeline(ids: list[int], criteria: Criteria, before: datetime, limit: int) -> list[EventView]:
    name = criteria.value("name")
    return selectors.timeline(identifier_ids=ids, before=before, limit=limit, names=[name] if name else None)


def _after(micros: int) -> datetime:
    """Just after an instant: `before` excludes, and events of that very instant are wanted."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros + 1)
