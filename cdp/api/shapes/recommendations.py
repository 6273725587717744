"""Recommendations: the catalogue, what somebody is offered, what that is made from, and rules."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape
from insights.contracts import MOST_RECOMMENDED


class ItemShape(Shape):
    """One item of the catalogue. `stated`: told by this API or a file, so events only fill its gaps."""

    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    category = serializers.CharField(allow_blank=True)
    price = serializers.FloatField(allow_null=True)
    image_url = serializers.CharField(allow_blank=True)
    url = serializers.CharField(allow_blank=True)
    in_stock = serializers.BooleanField()
    attributes = serializers.DictField(child=Anything())
    stated = serializers.BooleanField()
    updated_at = Instant()


class CatalogueItemIn(Shape):
    """An item to put in or to change; what is left out keeps its value, attributes are added to those there are."""

    id = serializers.CharField(max_length=200)
    name = serializers.CharField(max_length=300, required=False, allow_blank=True)
    category = serializers.CharField(max_length=200, required=False, allow_blank=True)
    price = serializers.FloatField(required=False, allow_null=True)
    image_url = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    url = serializers.CharField(max_length=1000, required=False, allow_blank=True)
    in_stock = serializers.BooleanField(required=False)
    attributes = serializers.DictField(child=Anything(), required=False)


class CatalogueItemsIn(Shape):
    """Up to 1,000 items; all are kept, or none is and the problem names the one that is wrong."""

    items = serializers.ListField(child=CatalogueItemIn(), max_length=1000, min_length=1)


class KeptShape(Shape):
    """How many different items were put in or changed."""

    kept = serializers.IntegerField()


class RulesShape(Shape):
    """What may be offered. What is left out is as the setting says."""

    exclude_consumed = serializers.BooleanField(required=False, help_text="Leave out what the person has.")
    in_stock_only = serializers.BooleanField(required=False)
    categories = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=100, help_text="Of these only."
    )
    not_categories = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=100, help_text="Never of these."
    )
    least_price = serializers.FloatField(required=False, allow_null=True)
    most_price = serializers.FloatField(required=False, allow_null=True)
    not_items = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=1000, help_text="Never these."
    )


class RecommendIn(Shape):
    """Whom to offer something. Everything may be left out: nobody in particular is offered what is popular."""

    profile = serializers.CharField(
        max_length=600, required=False, allow_blank=True, help_text="An id or `kind:value`; unknown ones are no error."
    )
    items = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=100,
        help_text="Ids of items that are looked at now; they are not offered.",
    )  # fmt: skip
    count = serializers.IntegerField(required=False, default=10, min_value=1, max_value=MOST_RECOMMENDED)
    segment = serializers.CharField(
        max_length=80, required=False, allow_blank=True,
        help_text="The slug of the segment whose popular items come first when nothing is known of the person.",
    )  # fmt: skip
    rules = RulesShape(required=False)


class RecommendedShape(Shape):
    """One item that is offered; the best comes first."""

    item = ItemShape()
    score = serializers.FloatField(help_text="Higher is better; compares within one answer only.")
    reason = serializers.CharField()
    because = serializers.CharField(allow_blank=True, help_text="The id of the item that led to it.")
    fallback = serializers.BooleanField(help_text="It is popular or new; nothing of the person led to it.")


class RecommendationsShape(Shape):
    """What to offer. `fallback`: none of it comes from what the person did or looks at."""

    items = RecommendedShape(many=True)
    fallback = serializers.BooleanField()
    model_version = serializers.IntegerField(allow_null=True)
    as_of = Instant(allow_null=True)


class SignalShape(Shape):
    """An event that tells of interest in an item."""

    event = serializers.CharField(max_length=500)
    weight = serializers.FloatField(min_value=0)
    consumes = serializers.BooleanField(required=False, help_text="Who did this has the item.")
    property = serializers.CharField(
        max_length=500, required=False, allow_blank=True,
        help_text="Only events in which this number is `at_least` so much tell of interest.",
    )  # fmt: skip
    at_least = serializers.FloatField(required=False)


class RecommendationSettingShape(Shape):
    """What tells of interest, after how many days it is worth half, and what is never offered."""

    signals = SignalShape(many=True, required=False)
    half_life_days = serializers.IntegerField(required=False, min_value=1, max_value=3650)
    rules = RulesShape(required=False)


class RecommenderShape(Shape):
    """One version of what recommendations are made from, with its measures and alarms."""

    version = serializers.IntegerField()
    run_id = Id()
    live = serializers.BooleanField()
    as_of = Instant()
    made_at = Instant()
    sha256 = serializers.CharField()
    figures = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_figures(self, row: Any) -> Any:
        return row.figures
