"""Funnels and paths."""

from typing import Any

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from insights.selectors import DIRECTIONS, OPERATORS, ORDERS


class ConditionShape(Shape):
    """What a property of the event must be."""

    property = serializers.CharField(max_length=500)
    op = serializers.ChoiceField(choices=list(OPERATORS), required=False, default="eq")
    value = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class StepShape(Shape):
    """An event that meets all conditions."""

    event = serializers.CharField(max_length=500)
    where = ConditionShape(many=True, required=False)


class FunnelSpecShape(Shape):
    """Steps of one person within a time of the first. `segment`: the id of one, 0 for everybody."""

    steps = StepShape(many=True)
    within_seconds = serializers.IntegerField(required=False)
    order = serializers.ChoiceField(choices=list(ORDERS), required=False)
    by = serializers.ChoiceField(choices=["", "segment", "source", "property"], required=False)
    property = serializers.CharField(max_length=500, required=False, allow_blank=True)
    segment = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class FunnelIn(Shape):
    """A funnel to keep."""

    name = serializers.CharField(max_length=80)
    spec = FunnelSpecShape()


class FunnelShape(Shape):
    """A funnel that was kept."""

    id = Id()
    name = serializers.CharField()
    spec = serializers.SerializerMethodField()
    made_by = serializers.CharField()
    made_at = Instant()

    def get_spec(self, row: Any) -> dict[str, Any]:
        return dict(row.spec.to_json())


class FunnelAsked(Shape):
    """A funnel to count, of the days from `first` to `last` by the clocks of the workspace; when they are left out, of
    the last 28."""

    spec = FunnelSpecShape()
    first = serializers.DateField(required=False)
    last = serializers.DateField(required=False)


class StepResultShape(Shape):
    """How many people came this far, as shares, and how long after the step before (median, seconds)."""

    people = serializers.IntegerField()
    of_first = serializers.FloatField()
    of_previous = serializers.FloatField()
    median_seconds = serializers.FloatField(allow_null=True)


class FunnelGroupShape(Shape):
    """The same of one value of the breakdown."""

    name = serializers.CharField()
    steps = StepResultShape(many=True)


class FunnelResultShape(Shape):
    """A funnel step by step; `median_seconds` is from the first to the last."""

    steps = StepResultShape(many=True)
    groups = FunnelGroupShape(many=True)
    median_seconds = serializers.FloatField(allow_null=True)


class PathAsked(Shape):
    """What happens after or before an event, of the days from `first` to `last`."""

    event = serializers.CharField(max_length=500)
    direction = serializers.ChoiceField(choices=list(DIRECTIONS), required=False)
    levels = serializers.IntegerField(required=False, min_value=1, max_value=5)
    top = serializers.IntegerField(required=False, min_value=1, max_value=20)
    within_seconds = serializers.IntegerField(required=False, min_value=1, max_value=34_560_000)
    segment = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    first = serializers.DateField(required=False)
    last = serializers.DateField(required=False)


class PathLinkShape(Shape):
    """How often `here` at one place led to `there` at the next; `level` counts from 1."""

    level = serializers.IntegerField()
    here = serializers.CharField()
    there = serializers.CharField()
    count = serializers.IntegerField()


class PathResultShape(Shape):
    """Where ways lead."""

    total = serializers.IntegerField()
    links = PathLinkShape(many=True)
