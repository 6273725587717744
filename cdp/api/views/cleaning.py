"""Cleaning rules: write, try, order, switch; lists and rates; values that wait for a person."""

from datetime import timedelta
from typing import Any, ClassVar

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp import reviewing
from cdp.api.auth import actor
from cdp.api.filters import Filters
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field
from cdp.api.shapes.cleaning import (
    CleaningRuleShape,
    DefinitionShape,
    EffectShape,
    RatesIn,
    RatesShape,
    ReferenceListIn,
    ReferenceListShape,
    SteerIn,
    TrialShape,
    ValueReviewShape,
    VerdictIn,
)
from cdp.api.shapes.fields import page_of
from cdp.api.views.base import ApiView, Page, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from common import clock
from connectors import selectors as connectors
from quality import selectors, services
from quality.contracts import BadRule, Definition, RuleView

_BACK = timedelta(days=30)


def _refused(wrong: BadRule) -> Exception:
    return invalid_field(f"/{wrong.field}" if wrong.field else "", str(wrong))


def _expect(rule_id: str) -> RuleView:
    found = selectors.rule(expect_id(rule_id), now=clock.now(), sources=connectors.source_names())
    if found is None:
        raise Problem("not-found", "There is no such rule.")
    return found


def _who(request: Request) -> dict[str, Any]:
    return {"by": actor(request), "via": "api", "now": clock.now()}


class CleaningRules(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*"}
    paged = True

    @extend_schema(operation_id="listCleaningRules", summary="Cleaning rules in their order", tags=["sources"],
                   responses=page_of(CleaningRuleShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """As they hold, from first to last."""
        found = selectors.rules(now=clock.now(), sources=connectors.source_names())
        return counted_page(request, CleaningRuleShape, found)

    @extend_schema(operation_id="createCleaningRule", summary="Write a cleaning rule", tags=["sources"],
                   request=DefinitionShape, responses={201: CleaningRuleShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A draft, last in the order: try it, then switch it on."""
        try:
            made = services.create_rule(told=Definition(**body(request, DefinitionShape)), **_who(request))
        except BadRule as wrong:
            raise _refused(wrong) from None
        return Response(shaped(CleaningRuleShape, request)(_expect(str(made))), status=201,
                        headers={"Location": f"/api/v1/cleaning-rules/{made}"})  # fmt: skip


class CleaningTrial(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "profiles:read"}

    @extend_schema(operation_id="tryCleaningRule", summary="Try a cleaning rule on recent events", tags=["sources"],
                   request=DefinitionShape, responses=TrialShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """What it would have done to the last 2,000 events. Nothing is written."""
        try:
            found = selectors.try_rule(told=Definition(**body(request, DefinitionShape)), now=clock.now())
        except BadRule as wrong:
            raise _refused(wrong) from None
        return Response(shaped(TrialShape, request)(found))


class CleaningRule(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*", "patch": "admin:*",
                                        "delete": "admin:*"}  # fmt: skip

    @extend_schema(operation_id="getCleaningRule", summary="A cleaning rule", tags=["sources"],
                   responses=CleaningRuleShape)  # fmt: skip
    def get(self, request: Request, rule_id: str) -> Response:
        """The rule as it stands."""
        return Response(shaped(CleaningRuleShape, request)(_expect(rule_id)))

    @extend_schema(operation_id="changeCleaningRule", summary="Change a cleaning rule", tags=["sources"],
                   request=DefinitionShape, responses=CleaningRuleShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, rule_id: str) -> Response:
        """Another definition is the next version; the same again changes nothing."""
        found = _expect(rule_id)
        try:
            services.change_rule(rule_id=found.id, told=Definition(**body(request, DefinitionShape)), **_who(request))
        except BadRule as wrong:
            raise _refused(wrong) from None
        return Response(shaped(CleaningRuleShape, request)(_expect(rule_id)))

    @extend_schema(operation_id="steerCleaningRule", summary="Switch, move or put back a cleaning rule",
                   tags=["sources"], request=SteerIn, responses=CleaningRuleShape)  # fmt: skip
    def patch(self, request: Request, rule_id: str) -> Response:
        """From the next batch on."""
        found, wanted = _expect(rule_id), body(request, SteerIn)
        try:
            if "version" in wanted:
                services.put_back(rule_id=found.id, version=wanted["version"], **_who(request))
            if "position" in wanted:
                services.move_rule(rule_id=found.id, to=wanted["position"], **_who(request))
            if "state" in wanted:
                services.switch_rule(rule_id=found.id, on=wanted["state"] == "on", **_who(request))
        except BadRule as wrong:
            raise _refused(wrong) from None
        return Response(shaped(CleaningRuleShape, request)(_expect(rule_id)))

    @extend_schema(operation_id="deleteCleaningRule", summary="Delete a cleaning rule", tags=["sources"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, rule_id: str) -> Response:
        """Its versions and what it did stay."""
        services.delete_rule(rule_id=_expect(rule_id).id, **_who(request))
        return Response(status=204)


class EffectFilters(Filters):
    rule_id = django_filters.CharFilter(max_length=20)


class CleaningEffects(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    filterset_class = EffectFilters
    paged = True

    @extend_schema(operation_id="listCleaningEffects", summary="What cleaning rules did", tags=["sources"],
                   responses=page_of(EffectShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of the last 30 days, by day, with values before and after."""
        wanted = self.criteria(request).value("rule_id", default="")
        found = selectors.effects(
            since=(clock.now() - _BACK).date(), rule_id=expect_id(wanted) if wanted else None, limit=5_000
        )
        return counted_page(request, EffectShape, found)


class ExchangeRates(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*"}

    @extend_schema(operation_id="getExchangeRates", summary="How far exchange rates are known", tags=["sources"],
                   responses=RatesShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """Of how many currencies, and for which days."""
        return Response(shaped(RatesShape, request)(selectors.rates()))

    @extend_schema(operation_id="keepExchangeRates", summary="Take in exchange rates", tags=["sources"],
                   request=RatesIn, responses=RatesShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The European Central Bank's history; the same day and currency again is replaced."""
        wanted = body(request, RatesIn)
        try:
            services.keep_rates(content=wanted["content"].encode(), name=wanted["name"], **_who(request))
        except BadRule as wrong:
            raise invalid_field("/content", str(wrong)) from None
        return Response(shaped(RatesShape, request)(selectors.rates()))


class ReferenceLists(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read", "post": "admin:*"}
    paged = True

    @extend_schema(operation_id="listReferenceLists", summary="Lists that values are held against", tags=["sources"],
                   responses=page_of(ReferenceListShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """By their short names."""
        return counted_page(request, ReferenceListShape, selectors.reference_lists())

    @extend_schema(operation_id="keepReferenceList", summary="Make or replace a list", tags=["sources"],
                   request=ReferenceListIn, responses=ReferenceListShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """It holds from the next batch on."""
        wanted = body(request, ReferenceListIn)
        try:
            services.keep_list(**wanted, **_who(request))
        except BadRule as wrong:
            raise _refused(wrong) from None
        kept = next(one for one in selectors.reference_lists() if one.slug == wanted["slug"])
        return Response(shaped(ReferenceListShape, request)(kept))


class ReviewFilters(Filters):
    state = django_filters.ChoiceFilter(
        choices=[(one, one) for one in ("open", "accepted", "corrected", "rejected")], help_text="`open` by default."
    )


class ValueReviews(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    filterset_class = ReviewFilters
    paged = True

    @extend_schema(operation_id="listValueReviews", summary="Values that wait for a person", tags=["sources"],
                   responses=page_of(ValueReviewShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The oldest first."""
        page = Page(request)
        rows = selectors.review_items(
            sources=connectors.source_names(), state=self.criteria(request).value("state", default="open"),
            after_id=page.start(0, 0), limit=page.limit + 1,
        )  # fmt: skip
        return page.answer(rows, shaped(ValueReviewShape, request), lambda row: [row.id])


class ValueReview(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "admin:*"}

    @extend_schema(operation_id="settleValueReview", summary="Accept, correct or reject a value", tags=["sources"],
                   request=VerdictIn, responses=ValueReviewShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, review_id: str) -> Response:
        """The item of an accepted or corrected value goes on; that of a rejected one stays in the quarantine."""
        number, wanted, names = expect_id(review_id), body(request, VerdictIn), connectors.source_names()
        if selectors.review_item(number, sources=names) is None:
            raise Problem("not-found")
        try:
            reviewing.settle(review_id=number, **wanted, **_who(request))
        except BadRule as wrong:
            raise _refused(wrong) from None
        return Response(shaped(ValueReviewShape, request)(selectors.review_item(number, sources=names)))
