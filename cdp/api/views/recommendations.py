"""Recommendations: the catalogue, what somebody is offered, and what that is made from."""

from collections.abc import Mapping
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import references
from cdp.api.auth import actor
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field, invalid_parameter
from cdp.api.shapes.fields import page_of
from cdp.api.shapes.recommendations import (
    CatalogueItemsIn,
    ItemShape,
    KeptShape,
    RecommendationSettingShape,
    RecommendationsShape,
    RecommenderShape,
    RecommendIn,
)
from cdp.api.views.base import ApiView, Page, body, shaped
from cdp.api.views.segments import counted_page
from common import clock
from insights import selectors, services
from insights.contracts import MOST_RECOMMENDED, BadRecommendation, Recommendations, Rules

_WRITES: dict[str, str] = {"get": "segments:read", "post": "segments:write"}


class Items(ApiView):
    scopes = _WRITES
    parameters = ("q", "category")
    paged = True

    @extend_schema(operation_id="listItems", summary="The catalogue", tags=["recommendations"],
                   responses=page_of(ItemShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """`q`: a part of the name or the id; `category`: exactly this one."""
        page, asked = Page(request), request.query_params
        found, more = selectors.items(
            search=asked.get("q", ""), category=asked.get("category", ""), after=page.start(0, 0), limit=page.limit
        )
        answer = [shaped(ItemShape, request)(one) for one in found]
        return Response({"data": answer, "next_cursor": page.cursor([more]) if more else None})

    @extend_schema(operation_id="keepItems", summary="Put items into the catalogue", tags=["recommendations"],
                   request=CatalogueItemsIn, responses=KeptShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """Up to 1,000 at once, new ones and changes alike; events fill their gaps only. Rules see them at once, what is
        like them with the next run."""
        wanted = body(request, CatalogueItemsIn)["items"]
        try:
            kept = services.keep_items(wanted, by=actor(request), now=clock.now(), via="api")
        except BadRecommendation as wrong:
            raise _blamed(wrong) from None
        return Response({"kept": kept})


class Item(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "delete": "segments:write"}

    @extend_schema(operation_id="getItem", summary="One item", tags=["recommendations"], responses=ItemShape)
    def get(self, request: Request, item_id: str) -> Response:
        """By its id."""
        found = selectors.item(item_id)
        if found is None:
            raise Problem("not-found", "The catalogue has no item of this id.")
        return Response(shaped(ItemShape, request)(found))

    @extend_schema(operation_id="removeItem", summary="Take an item out", tags=["recommendations"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, item_id: str) -> Response:
        """It is offered no more. Events that name it later bring it back: to hide it, say that it is out of stock."""
        if not services.remove_items([item_id], by=actor(request), now=clock.now(), via="api"):
            raise Problem("not-found", "The catalogue has no item of this id.")
        return Response(status=204)


class Recommend(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "profiles:read"}
    parameters = ("profile", "items", "count", "segment")

    @extend_schema(operation_id="getRecommendations", summary="What to offer", tags=["recommendations"],
                   responses=RecommendationsShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """To a `profile` (an id or `kind:value`), beside `items` (ids with commas between), or to nobody in particular.
        Unknown people and items are no errors: then `fallback` is true. `count`: 10 when left out."""
        asked = request.query_params
        count = asked.get("count", "10")
        if not count.isascii() or not count.isdecimal() or len(count) > 3 or not 1 <= int(count) <= MOST_RECOMMENDED:
            raise invalid_parameter("count", f"A number from 1 to {MOST_RECOMMENDED}.")
        wanted = {
            "profile": asked.get("profile", ""), "count": int(count), "segment": asked.get("segment", ""),
            "items": [one for one in asked.get("items", "").split(",") if one],
        }  # fmt: skip
        return Response(shaped(RecommendationsShape, request)(_recommended(wanted, None)))

    @extend_schema(operation_id="recommend", summary="What to offer, by rules", tags=["recommendations"],
                   request=RecommendIn, responses=RecommendationsShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """As with GET, for longer lists of items and with rules in place of single ones of the setting."""
        wanted = body(request, RecommendIn)
        rules = None
        if "rules" in wanted:
            try:
                rules = Rules.from_json(wanted["rules"], over=selectors.recommendation_setting().rules)
            except BadRecommendation as wrong:
                raise _blamed(wrong, "/rules") from None
        return Response(shaped(RecommendationsShape, request)(_recommended(wanted, rules)))


def _recommended(wanted: Mapping[str, Any], rules: Rules | None) -> Recommendations:
    profile = wanted.get("profile", "")
    return selectors.recommend(
        profile_id=references.profile_id(profile) if profile else None, count=wanted["count"],
        context=wanted.get("items", []), segment=wanted.get("segment", ""), filters=rules, now=clock.now(),
    )  # fmt: skip


class RecommendationSetting(ApiView):
    scopes = _WRITES

    @extend_schema(operation_id="getRecommendationSetting", summary="What tells of interest, and rules",
                   tags=["recommendations"], responses=RecommendationSettingShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """Signals with their weights, how fast they fade, and what is never offered."""
        return Response(selectors.recommendation_setting().to_json())

    @extend_schema(operation_id="changeRecommendationSetting", summary="Say what tells of interest, and rules",
                   tags=["recommendations"], request=RecommendationSettingShape,
                   responses=RecommendationSettingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """What is left out keeps its value. Rules hold at once, signals from the next run on."""
        wanted = body(request, RecommendationSettingShape)
        try:
            kept = services.keep_recommendation_setting(wanted, by=actor(request), now=clock.now(), via="api")
        except BadRecommendation as wrong:
            raise _blamed(wrong) from None
        return Response(kept.to_json())


class Recommenders(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read"}
    paged = True

    @extend_schema(operation_id="listRecommenders", summary="What recommendations are made from",
                   tags=["recommendations"], responses=page_of(RecommenderShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Versions with their measures and alarms, the newest first, of the last hundred."""
        return counted_page(request, RecommenderShape, selectors.recommenders(limit=100))


def _blamed(wrong: BadRecommendation, under: str = "") -> Problem:
    """A 422 that points at the field that the message names."""
    field, _, message = str(wrong).partition(": ")
    return invalid_field(f"{under}/{field}", message)
