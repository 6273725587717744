"""Static lists: people named one by one."""

from collections.abc import Iterable
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.references import kind_and_value
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.segments import EntriesIn, EntriesShape, ListIn, ListShape
from cdp.api.views.base import ApiView, Page, body, shaped
from cdp.api.views.segments import judged
from common import audit, clock
from identity import selectors as identity
from segments import selectors, services
from segments.contracts import ListView

MOST_ENTRIES = 1_000


class Lists(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}

    paged = True

    @extend_schema(operation_id="listLists", summary="List static lists", tags=["lists"],
                   responses=page_of(ListShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """In order of slug. A segment reads one by the rule `{"list": slug}`."""
        page = Page(request)
        rows = sorted(selectors.static_lists(), key=lambda row: row.slug)
        rows = [row for row in rows if row.slug > page.start(0, "")]
        return page.answer(rows, shaped(ListShape, request), lambda row: [row.slug])

    @extend_schema(operation_id="createList", summary="Create a static list", tags=["lists"],
                   request=ListIn, responses={201: ListShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """An empty one."""
        wanted = body(request, ListIn)
        made = judged(lambda: services.create_list(by=actor(request), now=clock.now(), **wanted))
        note("created", made.slug, by=actor(request))
        return Response(ListShape(made).data, status=201, headers={"Location": f"/api/v1/lists/{made.slug}"})


class StaticList(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "delete": "segments:write"}

    @extend_schema(operation_id="getList", summary="Get a static list", tags=["lists"], responses=ListShape)
    def get(self, request: Request, slug: str) -> Response:
        """By slug."""
        return Response(ListShape(expect_list(slug)).data)

    @extend_schema(operation_id="deleteList", summary="Delete a static list", tags=["lists"], responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Refused while a segment reads it."""
        expect_list(slug)
        judged(lambda: services.delete_list(slug=slug))
        note("deleted", slug, by=actor(request))
        return Response(status=204)


class ListEntries(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}

    @extend_schema(operation_id="changeList", summary="Put people on a list and take them off", tags=["lists"],
                   request=EntriesIn, responses=EntriesShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Segments that read the list follow at once. Repeating a call changes nothing more."""
        expect_list(slug)
        wanted = body(request, EntriesIn)
        if len(wanted["add"]) + len(wanted["remove"]) > MOST_ENTRIES:
            raise invalid_field("/add", f"Give at most {MOST_ENTRIES:,} identifiers a call.", "too-many")
        add, unknown = named(wanted["add"])
        remove, strangers = named(wanted["remove"])
        added, removed = services.change_list(slug=slug, add=add, remove=remove, now=clock.now())
        note("changed", slug, by=actor(request), after={"added": added, "removed": removed})
        return Response(EntriesShape({"added": added, "removed": removed, "unknown": unknown + strangers}).data)


def named(references: Iterable[str]) -> tuple[list[int], list[str]]:
    """The ids of identifiers given as `kind:value`, and those that nobody has."""
    keys = {reference: kind_and_value(reference) for reference in references}
    found = identity.find_identifiers(keys.values())
    return (
        [found[key] for key in keys.values() if key in found],
        [reference for reference, key in keys.items() if key not in found],
    )


def expect_list(slug: str) -> ListView:
    """The list, or a 404."""
    found = selectors.static_list(slug)
    if found is None:
        raise Problem("not-found", "No list has this slug.")
    return found


def note(verb: str, slug: str, *, by: str, after: dict[str, Any] | None = None) -> None:
    """One entry in the audit log."""
    audit.record(
        actor=by, via="api", action=f"list.{verb}", object_type="list", object_id=slug,
        summary=f"{verb.capitalize()} the list {slug}", after=after,
    )  # fmt: skip
