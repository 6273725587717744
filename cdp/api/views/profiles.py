"""Profiles: found by any identifier, with traits, identifiers, events and segments."""

from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import parsing, references
from cdp.api.auth import sees_personal_data
from cdp.api.filters import Filters
from cdp.api.problems import Problem, invalid_parameter
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.identity import IdentifierShape, LinkShape, ProfileRowShape, ProfileShape, TraitShape, WhyShape
from cdp.api.shapes.segments import MembershipShape
from cdp.api.views.base import ApiView, Page, shaped
from identity import selectors
from segments import selectors as segment_selectors

READ: dict[str, str] = {"get": "profiles:read"}


class ProfileFilters(Filters):
    search = django_filters.CharFilter(
        max_length=200,
        help_text="Text in the profile's identifiers. Needs `profiles:pii`, as it would tell masked values.",
    )


class Profiles(ApiView):
    scopes = READ
    filterset_class = ProfileFilters
    paged = True

    @extend_schema(operation_id="listProfiles", summary="List profiles", tags=["profiles"],
                   responses=page_of(ProfileRowShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Profiles in order of id."""
        search = self.criteria(request).value("search", default="")
        if search and not sees_personal_data(request):
            raise Problem("missing-scope", "`search` needs the scope `profiles:pii`.", more={"scope": "profiles:pii"})
        page = Page(request)
        rows = selectors.profiles_page(search=search, after_id=page.start(), limit=page.limit + 1)
        return page.answer(rows, shaped(ProfileRowShape, request), lambda row: [row.id])


def profile_answer(request: Request, profile_id: int, requested_id: int | None) -> Response:
    """The profile as it is now, or a 404."""
    found = selectors.profile_view(profile_id)
    if found is None:
        raise Problem("not-found", "No profile has this id.")
    context = {"pii": sees_personal_data(request), "requested_id": requested_id}
    return Response(ProfileShape(found, context=context).data)


class ProfileLookup(ApiView):
    scopes = READ
    parameters = ("kind", "value")

    @extend_schema(operation_id="lookupProfile", summary="Find a profile by an identifier", tags=["profiles"],
                   responses=ProfileShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """The profile that has this identifier. The value is standardised first: ` Ann@Example.com ` finds
        `ann@example.com`."""
        for name in self.parameters:
            if not request.query_params.get(name):
                raise invalid_parameter(name, "This parameter is needed.", "required")
        found = references.profile_of_identifier(request.query_params["kind"], request.query_params["value"])
        if found is None:
            raise Problem("not-found", "No profile has this identifier.")
        return profile_answer(request, found, None)


class Profile(ApiView):
    scopes = READ

    @extend_schema(operation_id="getProfile", summary="Get a profile", tags=["profiles"], responses=ProfileShape)
    def get(self, request: Request, reference: str) -> Response:
        """By id or by `kind:value`, such as `email:ann@example.com`. The id of a profile that was merged into another
        answers with the survivor: `id` is its id, `requested_id` the one asked for."""
        return profile_answer(request, references.expect_profile(reference), parsing.row_id(reference))


class ProfilePart(ApiView):
    """Something of one profile; `find` gets the profile's present id."""

    scopes = READ


class ProfileTraits(ProfilePart):
    @extend_schema(operation_id="listProfileTraits", summary="Traits with provenance", tags=["profiles"],
                   responses=page_of(TraitShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """Each trait with the claim that won, the rule that chose it, and the claims that did not win."""
        rows = selectors.provenance(references.expect_profile(reference))
        return _whole(rows, TraitShape, request)


class ProfileIdentifiers(ProfilePart):
    @extend_schema(operation_id="listProfileIdentifiers", summary="Identifiers of a profile", tags=["profiles"],
                   responses=page_of(IdentifierShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """In order of arrival."""
        found = selectors.profile_view(references.expect_profile(reference))
        return _whole(found.identifiers if found else (), IdentifierShape, request)


class ProfileLinks(ProfilePart):
    @extend_schema(operation_id="listProfileLinks", summary="Links of a profile", tags=["profiles"],
                   responses=page_of(LinkShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """What joins the profile's identifiers, with refused and retracted links and their reasons."""
        return _whole(selectors.links_of(references.expect_profile(reference)), LinkShape, request)


class ProfileSegments(ProfilePart):
    @extend_schema(operation_id="listProfileSegments", summary="Segments of a profile", tags=["profiles"],
                   responses=page_of(MembershipShape))  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """The segments that the profile is a member of now."""
        return _whole(segment_selectors.memberships(references.expect_profile(reference)), MembershipShape, request)


class Why(ApiView):
    scopes: ClassVar[dict[str, str]] = READ
    parameters = ("a", "b")

    @extend_schema(operation_id="explainWhy", summary="Why are these one person, or not?", tags=["identity"],
                   responses=WhyShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """The links on the path between two identifiers, the links that were refused with their reasons, and the
        policy that decided."""
        ids = [self._identifier_id(request, name) for name in self.parameters]
        found = selectors.why(ids[0], ids[1])
        if found is None:
            raise Problem("not-found")
        return Response(shaped(WhyShape, request)(found))

    def _identifier_id(self, request: Request, name: str) -> int:
        text = request.query_params.get(name, "")
        if not text:
            raise invalid_parameter(name, "This parameter is needed.", "required")
        found = references.identifier_id(text)
        if found is None:
            raise Problem("not-found", f"`{name}`: nothing has this id or identifier.")
        return found


def _whole(rows: Any, shape: Any, request: Request) -> Response:
    """A short list, whole; it has the form of a page so that clients read all lists alike."""
    return Response({"data": [shaped(shape, request)(row) for row in rows], "next_cursor": None})
