"""Insights: features at any instant, RFM, groups, and the runs that compute them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.api import parsing, references
from cdp.api.auth import actor, sees_personal_data
from cdp.api.idempotency import idempotent
from cdp.api.problems import Problem, invalid_field, invalid_parameter
from cdp.api.shapes.fields import conceal, page_of
from cdp.api.shapes.insights import (
    CohortsAsked,
    CohortsShape,
    FeatureIn,
    FeatureShape,
    GroupingIn,
    GroupingShape,
    GroupNameIn,
    InsightRunIn,
    InsightRunShape,
    OrderSettingShape,
    RfmShape,
    ValuesIn,
    ValuesShape,
)
from cdp.api.views.base import ApiView, accepted, body, expect_id, shaped
from cdp.api.views.segments import counted_page
from cdp.nudge import RUN_INSIGHTS, wake
from cdp.pipeline.follow import follow_moves
from common import clock
from identity import selectors as identity
from insights import selectors, services
from insights.contracts import (
    BadClustering,
    BadCohorts,
    BadEngagement,
    BadFeature,
    BadPrediction,
    BadSetting,
    ClusteringView,
    CohortSpec,
    NotPossible,
)

T = TypeVar("T")
_READ: dict[str, str] = {"get": "segments:read"}


class Features(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listFeatures", summary="The features there are", tags=["insights"],
                   responses=page_of(FeatureShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Those of the product, then those that people here declared."""
        return counted_page(request, FeatureShape, list(selectors.features().values()))

    @extend_schema(operation_id="declareFeature", summary="Declare a feature", tags=["insights"], request=FeatureIn,
                   responses=FeatureShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A new feature, or another meaning of one that was declared: what is combined of it changes with it,
        and what was computed with it is computed anew."""
        wanted = body(request, FeatureIn)
        judged(lambda: services.declare_feature(**wanted, by=actor(request), now=clock.now(), via="api"))
        return Response(FeatureShape(selectors.features()[wanted["name"]]).data)


class Feature(ApiView):
    scopes: ClassVar[dict[str, str]] = {"delete": "segments:write"}

    @extend_schema(operation_id="removeFeature", summary="Remove a declared feature", tags=["insights"],
                   responses={204: None})  # fmt: skip
    def delete(self, request: Request, slug: str) -> Response:
        """Refused while a grouping, a prediction, engagement or a combined feature reads it."""
        if slug not in selectors.declared():
            raise Problem("not-found", "Nobody declared a feature of this name.")
        judged(lambda: services.remove_feature(name=slug, by=actor(request), now=clock.now(), via="api"))
        return Response(status=204)


class ProfileFeatures(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "profiles:read"}
    parameters = ("as_of", "names")

    @extend_schema(operation_id="getProfileFeatures", summary="Features of a profile", tags=["insights"],
                   responses=ValuesShape)  # fmt: skip
    def get(self, request: Request, reference: str) -> Response:
        """At `as_of` (now when it is left out): what happened or came later is not looked at. `names`: with commas
        between; all when left out."""
        told = request.query_params.get("as_of", "")
        try:
            as_of = parsing.instant(told) if told else clock.now()
        except ValueError:
            raise invalid_parameter("as_of", "Give an RFC 3339 time: 2026-01-31T12:00:00Z.", "invalid_time") from None
        names = [one for one in request.query_params.get("names", "").split(",") if one]
        profile_id = references.expect_profile(reference)
        found = _values(request, [profile_id], names, as_of, lambda message: invalid_parameter("names", message))
        if not found:
            raise Problem("not-found", "No profile has this id.")
        return Response(found[0])


class FeatureValues(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "profiles:read"}

    @extend_schema(operation_id="readFeatures", summary="Features of many profiles", tags=["insights"],
                   request=ValuesIn, responses=ValuesShape(many=True))  # fmt: skip
    def post(self, request: Request) -> Response:
        """Of up to 1,000 profiles, by the same statement as for one. Ids that were merged answer with the survivor;
        unknown ones are left out."""
        wanted = body(request, ValuesIn)
        ids = set(identity.current_ids(wanted["profiles"]).values())
        as_of = wanted.get("as_of") or clock.now()
        return Response(
            _values(request, ids, wanted.get("names", []), as_of, lambda message: invalid_field("/names", message))
        )


def _values(
    request: Request, profiles: Collection[int], names: Sequence[str], as_of: datetime,
    problem: Callable[[str], Problem],
) -> list[dict[str, Any]]:  # fmt: skip
    every, declared = selectors.features(), selectors.declared()
    chosen = list(dict.fromkeys(names)) or list(every)
    try:
        table = selectors.features_of(chosen, as_of=as_of, profiles=profiles)
    except BadFeature as wrong:
        raise problem(str(wrong)) from None
    sees = sees_personal_data(request)
    return [
        {
            "profile_id": str(profile), "as_of": clock.iso(as_of),
            "features": {
                name: table.columns[name][place] if sees and every[name].type == "text" else _value(
                    table.columns[name][place], declared[name].property if name in declared else ""
                )
                for name in chosen
            },
        }
        for place, profile in enumerate(table.profile_ids.tolist())
    ]  # fmt: skip


def _value(value: Any, told_as: str) -> Any:
    """Numbers as they are; a text is masked when it looks personal or the property is."""
    if isinstance(value, float):
        return None if value != value else float(value)
    return conceal(value, told_as)


class OrderSetting(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}

    @extend_schema(operation_id="getOrderSetting", summary="What an order is", tags=["insights"],
                   responses=OrderSettingShape)  # fmt: skip
    def get(self, request: Request) -> Response:
        """The event, its properties, and the time zone of the workspace."""
        return Response(selectors.setting().orders.to_json())

    @extend_schema(operation_id="changeOrderSetting", summary="Say what an order is", tags=["insights"],
                   request=OrderSettingShape, responses=OrderSettingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """What is left out keeps its value. The next run looks at all orders anew."""
        wanted = body(request, OrderSettingShape)
        kept = judged(lambda: services.keep_setting(wanted, by=actor(request), now=clock.now(), via="api"))
        return Response(kept.orders.to_json())


class Rfm(ApiView):
    scopes = _READ

    @extend_schema(operation_id="getRfm", summary="The newest RFM", tags=["insights"], responses=RfmShape)
    def get(self, request: Request) -> Response:
        """The heat map's cells and the named segments."""
        found = selectors.rfm()
        if found is None:
            raise Problem("not-found", "Nothing is scored yet: ask for a run of kind `rfm`.")
        return Response(shaped(RfmShape, request)(found))


class Cohorts(ApiView):
    scopes = _READ
    parameters = ("period",)

    @extend_schema(operation_id="getCohorts", summary="The newest cohorts", tags=["insights"], responses=CohortsShape)
    def get(self, request: Request) -> Response:
        """A triangle of closed periods, by the period of the first order."""
        period = request.query_params.get("period", "month")
        if period not in selectors.PERIODS:
            raise invalid_parameter("period", "Choose month or week.")
        found = selectors.cohorts(period)
        if found is None:
            raise Problem("not-found", "Nothing is counted yet: ask for a run of kind `cohorts`.")
        return Response(shaped(CohortsShape, request)(found))


class CohortCount(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:read"}

    @extend_schema(operation_id="countCohorts", summary="Count cohorts by a first behaviour", tags=["insights"],
                   request=CohortsAsked, responses=CohortsShape)  # fmt: skip
    def post(self, request: Request) -> Response:
        """A triangle of closed periods, by the period in which people first did an event."""
        told = body(request, CohortsAsked)
        try:
            spec = CohortSpec.from_json(told)
            found = selectors.first_behaviour(spec, period=told.get("period", "month"), now=clock.now())
        except BadCohorts as wrong:
            field, _, text = str(wrong).partition(": ")
            raise invalid_field(f"/{field}", text) from None
        return Response(shaped(CohortsShape, request)(found))


class Runs(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listInsightRuns", summary="Computations", tags=["insights"],
                   responses=page_of(InsightRunShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """The newest first, of the last thousand."""
        return counted_page(request, InsightRunShape, selectors.runs(limit=1000))

    @extend_schema(operation_id="requestInsightRun", summary="Compute over the whole base", tags=["insights"],
                   request=InsightRunIn, responses={202: InsightRunShape})  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """A worker does it; what already waits is not asked for twice."""
        wanted = body(request, InsightRunIn)
        made = judged(
            lambda: services.request_run(
                kind=wanted["kind"], slug=wanted.get("grouping", ""), as_of=wanted.get("as_of"), by=actor(request),
                now=clock.now(), via="api",
            )
        )  # fmt: skip
        wake(RUN_INSIGHTS)
        return accepted(shaped(InsightRunShape, request)(made), f"/api/v1/insights/runs/{made.id}")


class Run(ApiView):
    scopes = _READ

    @extend_schema(
        operation_id="getInsightRun", summary="One computation", tags=["insights"], responses=InsightRunShape
    )
    def get(self, request: Request, run_id: str) -> Response:
        """How far it is, or why it failed."""
        found = selectors.run(expect_id(run_id))
        if found is None:
            raise Problem("not-found")
        return Response(shaped(InsightRunShape, request)(found))


class Groupings(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "post": "segments:write"}
    paged = True

    @extend_schema(operation_id="listGroupings", summary="Groupings", tags=["insights"],
                   responses=page_of(GroupingShape))  # fmt: skip
    def get(self, request: Request) -> Response:
        """Each with its live model, by name."""
        return counted_page(request, GroupingShape, selectors.clusterings())

    @extend_schema(operation_id="keepGrouping", summary="Make or change a grouping", tags=["insights"],
                   request=GroupingIn, responses=GroupingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request) -> Response:
        """The next run follows it."""
        wanted = body(request, GroupingIn)
        judged(lambda: services.keep_clustering(**wanted, by=actor(request), now=clock.now(), via="api"))
        return Response(shaped(GroupingShape, request)(expect_grouping(wanted["slug"])))


def expect_grouping(slug: str) -> ClusteringView:
    """A grouping, or a 404."""
    found = selectors.clustering(slug)
    if found is None:
        raise Problem("not-found", "There is no grouping of this slug.")
    return found


class Grouping(ApiView):
    scopes: ClassVar[dict[str, str]] = {"get": "segments:read", "delete": "segments:write"}

    @extend_schema(operation_id="getGrouping", summary="One grouping", tags=["insights"], responses=GroupingShape)
    def get(self, request: Request, slug: str) -> Response:
        """Its groups in words and figures."""
        return Response(shaped(GroupingShape, request)(expect_grouping(slug)))

    @extend_schema(operation_id="deleteGrouping", summary="Delete a grouping", tags=["insights"], responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Everybody loses its trait, and segments follow."""
        expect_grouping(slug)
        judged(
            lambda: services.delete_clustering(
                slug=slug, by=actor(request), now=clock.now(), after=follow_moves, via="api"
            )
        )
        return Response(status=204)


class GroupNames(ApiView):
    scopes: ClassVar[dict[str, str]] = {"post": "segments:write"}

    @extend_schema(operation_id="nameGroup", summary="Call a group by a name", tags=["insights"], request=GroupNameIn,
                   responses=GroupingShape)  # fmt: skip
    @idempotent
    def post(self, request: Request, slug: str) -> Response:
        """Rules go on naming it by its id."""
        expect_grouping(slug)
        wanted = body(request, GroupNameIn)
        judged(
            lambda: services.name_cluster(
                slug=slug, cluster_id=wanted["group"], name=wanted["name"], by=actor(request), now=clock.now(),
                via="api",
            )
        )  # fmt: skip
        return Response(shaped(GroupingShape, request)(expect_grouping(slug)))


_FIELDS: Mapping[str, str] = {"cluster": "group", "features": "spec/features"}


def judged(act: Callable[[], T], *, inside: str = "") -> T:
    """What the service answers, or a 422 that points at the field that its message names; all but the slug are `inside`
    an object of the body."""
    try:
        return act()
    except (
        BadFeature,
        BadSetting,
        BadClustering,
        BadEngagement,
        BadPrediction,
        NotPossible,
        services.Tampered,
    ) as wrong:
        field, _, message = str(wrong).partition(": ")
        named = message and field.isidentifier()
        place = f"{inside}{field}" if inside and field != "slug" else _FIELDS.get(field, field)
        pointer = f"/{place}" if named else ""
        raise invalid_field(pointer, message if named else str(wrong)) from None
