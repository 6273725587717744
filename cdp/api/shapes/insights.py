"""Insights: features, RFM, groups, runs, and what an order is."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape
from cdp.api.shapes.funnels import ConditionShape
from insights.selectors import BACK, FILLINGS, MEASURES, OPERATIONS, OUTLIERS, PERIODS


class FeatureShape(Shape):
    """A fact about a person at an instant. `window_days` is null for all time."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    type = serializers.ChoiceField(choices=["number", "text"])
    unit = serializers.CharField(allow_blank=True)
    window_days = serializers.IntegerField(allow_null=True)
    owner = serializers.CharField(allow_blank=True)
    formula = serializers.CharField(allow_blank=True, help_text="Of a combined feature: its parts by their titles.")
    parts = serializers.SerializerMethodField(help_text="The names of the two features that it is made of.")

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_parts(self, row: Any) -> list[str]:
        return [one.name for one in row.parts]


class FeatureIn(Shape):
    """A feature to declare, or another meaning of one that was declared: measured of events or of a trait; or combined,
    with the measure `ratio`, `product`, `difference` or `addition`, of the features `left` and `right`."""

    name = serializers.CharField(max_length=60)
    measure = serializers.ChoiceField(choices=[*MEASURES, *OPERATIONS])
    event = serializers.CharField(max_length=500, required=False, allow_blank=True)
    property = serializers.CharField(
        max_length=500, required=False, allow_blank=True, help_text="Of the event; for the measure `trait` its name."
    )
    window_days = serializers.IntegerField(required=False, allow_null=True)
    left = serializers.CharField(max_length=60, required=False, allow_blank=True)
    right = serializers.CharField(
        max_length=60, required=False, allow_blank=True,
        help_text="Both are numbers that come with the product or are measured; not what is combined or sentiment.",
    )  # fmt: skip
    title = serializers.CharField(max_length=120, required=False, allow_blank=True)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)


class ValuesShape(Shape):
    """Features of one profile at `as_of` (exclusive); null is not known."""

    profile_id = Id()
    as_of = Instant()
    features = serializers.DictField(child=Anything())


class ValuesIn(Shape):
    """Whose features are wanted, and of when."""

    profiles = serializers.ListField(child=Id(), min_length=1, max_length=1000)
    names = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=200)
    as_of = Instant(required=False)


class OrderSettingShape(Shape):
    """What an order is here; what is left out of a change keeps its value."""

    zone = serializers.CharField(required=False, max_length=64)
    order_event = serializers.CharField(required=False, max_length=200)
    cancel_event = serializers.CharField(required=False, max_length=200, allow_blank=True)
    refund_event = serializers.CharField(required=False, max_length=200, allow_blank=True)
    order_id = serializers.CharField(required=False, max_length=200)
    amount = serializers.ListField(child=serializers.CharField(max_length=200), required=False, max_length=10)
    quantity = serializers.CharField(required=False, max_length=200, allow_blank=True)
    lines = serializers.BooleanField(required=False)
    currency = serializers.CharField(required=False, max_length=200, allow_blank=True)
    products = serializers.CharField(required=False, max_length=200, allow_blank=True)
    product_id = serializers.CharField(required=False, max_length=200)
    category = serializers.CharField(required=False, max_length=200)
    history_sources = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**31 - 1), required=False, max_length=100,
        help_text="Their events count from the time they happened, others from the time they came.",
    )  # fmt: skip


class CellShape(Shape):
    """The people with one score of recency and one of frequency and monetary value together."""

    recency = serializers.IntegerField(min_value=1, max_value=5)
    value = serializers.IntegerField(min_value=1, max_value=5)
    segment = serializers.CharField()
    people = serializers.IntegerField()
    monetary = serializers.FloatField()


class RfmSegmentShape(Shape):
    """A named segment with the medians of its people."""

    name = serializers.CharField()
    advice = serializers.CharField()
    people = serializers.IntegerField()
    share = serializers.FloatField()
    recency_days = serializers.FloatField()
    orders = serializers.FloatField()
    monetary = serializers.FloatField()


class RfmShape(Shape):
    """The newest RFM."""

    run_id = Id()
    as_of = Instant()
    zone = serializers.CharField()
    currency = serializers.CharField(allow_blank=True)
    people = serializers.IntegerField()
    cells = CellShape(many=True)
    segments = RfmSegmentShape(many=True)


class CohortCellShape(Shape):
    """One period after the first."""

    people = serializers.IntegerField()
    share = serializers.FloatField()
    monetary = serializers.FloatField()


class CohortShape(Shape):
    """The people who began in one period; `cells` begin with it and hold closed periods only."""

    start = serializers.DateField()
    people = serializers.IntegerField()
    cells = CohortCellShape(many=True)


class CohortsAsked(Shape):
    """People by the period in which they first did `event`, where it meets all conditions; `back`: who counts as having
    come back, `again` (did the same), `orders` or `any` (did anything)."""

    event = serializers.CharField(max_length=500)
    where = ConditionShape(many=True, required=False)
    back = serializers.ChoiceField(choices=list(BACK), required=False)
    period = serializers.ChoiceField(choices=list(PERIODS), required=False)


class CohortsShape(Shape):
    """A triangle. `run_id` is null when it was counted as it was asked for."""

    run_id = Id(allow_null=True)
    as_of = Instant()
    zone = serializers.CharField()
    period = serializers.CharField(help_text="`month` or `week`.")
    currency = serializers.CharField(allow_blank=True)
    cohorts = CohortShape(many=True)


class InsightRunShape(Shape):
    """A computation over the whole base."""

    id = Id()
    kind = serializers.CharField(
        help_text="`rfm`, `clusters`, `cohorts`, `training`, `scoring`, `online`, `recommendations`, `lifetime` or"
        " `engagement`."
    )
    grouping = serializers.CharField(source="clustering", allow_blank=True)
    prediction = serializers.CharField(allow_blank=True)
    state = serializers.CharField(help_text="`waiting`, `done`, `failed` or `cancelled`.")
    as_of = Instant()
    people = serializers.IntegerField()
    error = serializers.CharField(allow_blank=True)
    job_id = Id(allow_null=True)
    requested_by = serializers.CharField()
    requested_at = Instant()
    finished_at = Instant(allow_null=True)


class InsightRunIn(Shape):
    """What to compute; `as_of` is now when it is left out."""

    kind = serializers.ChoiceField(
        choices=["rfm", "clusters", "cohorts", "recommendations", "lifetime", "engagement", "sentiment"]
    )
    grouping = serializers.CharField(max_length=40, required=False, allow_blank=True, help_text="Its slug.")
    as_of = Instant(required=False)


class GroupShape(Shape):
    """One group. `id` stays its own from run to run; `positions`: which share of everybody has less than its median."""

    id = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    words = serializers.CharField()
    people = serializers.IntegerField()
    share = serializers.FloatField()
    medians = serializers.DictField(child=serializers.FloatField(allow_null=True))
    positions = serializers.DictField(child=serializers.FloatField(allow_null=True))


class GroupModelShape(Shape):
    """A version of a grouping, and what was tried for it."""

    version = serializers.IntegerField()
    run_id = Id()
    as_of = Instant()
    made_at = Instant()
    sha256 = serializers.CharField()
    people = serializers.IntegerField()
    groups = GroupShape(many=True, source="clusters")
    trials = serializers.SerializerMethodField()
    filled = serializers.SerializerMethodField(help_text="The share of each feature that was not known.")

    @extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": True}})
    def get_trials(self, row: Any) -> Any:
        return row.figures["trials"]

    bias = serializers.SerializerMethodField(help_text="Effect sizes of features and of sensitive traits.")

    @extend_schema_field({"type": "object", "additionalProperties": True})
    def get_bias(self, row: Any) -> Any:
        return row.figures.get("bias", {"features": [], "traits": []})

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "number"}})
    def get_filled(self, row: Any) -> Any:
        return row.figures["filled"]


class GroupingSpecShape(Shape):
    """How people are grouped."""

    features = serializers.ListField(child=serializers.CharField(max_length=60), required=False, max_length=40)
    method = serializers.ChoiceField(choices=["kmeans", "ward", "dbscan"], required=False)
    scaling = serializers.ChoiceField(choices=["zscore", "minmax"], required=False)
    groups = serializers.IntegerField(required=False, allow_null=True, help_text="Null: the best of least to most.")
    least = serializers.IntegerField(required=False)
    most = serializers.IntegerField(required=False)
    components = serializers.IntegerField(required=False, help_text="Principal components; 0 keeps the features.")
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
    impute = serializers.ChoiceField(choices=list(FILLINGS), required=False, help_text="How the unknown is filled.")
    outliers = serializers.ChoiceField(choices=list(OUTLIERS), required=False)
    sensitive = serializers.ListField(
        child=serializers.CharField(max_length=200), required=False, max_length=10,
        help_text="Traits that the report on what separates the groups looks at.",
    )  # fmt: skip


class GroupingShape(Shape):
    """A grouping with its live model, if it has one yet."""

    slug = serializers.CharField()
    name = serializers.CharField()
    trait = serializers.CharField()
    spec = GroupingSpecShape()
    every_days = serializers.IntegerField(allow_null=True)
    made_by = serializers.CharField()
    made_at = Instant()
    model = GroupModelShape(allow_null=True)


class GroupingIn(Shape):
    """A grouping to keep."""

    slug = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    spec = GroupingSpecShape(required=False, default=dict)
    every_days = serializers.IntegerField(required=False, allow_null=True, default=None)


class GroupNameIn(Shape):
    """What people call a group; an empty name takes it away."""

    group = serializers.CharField(max_length=20, help_text="Its id.")
    name = serializers.CharField(max_length=80, allow_blank=True)
