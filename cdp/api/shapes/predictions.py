"""Predictions: what is predicted, versions, scorings and scores."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape
from insights.selectors import GOALS, POLICIES

_ANY = {"type": "object", "additionalProperties": True}


class PredictionSpecShape(Shape):
    """What is predicted, of whom and how."""

    event = serializers.CharField(max_length=500)
    where = serializers.ListField(
        child=serializers.DictField(child=Anything()), required=False, max_length=10,
        help_text="Filters of the event's properties, as in a segment's rule.",
    )  # fmt: skip
    goal = serializers.ChoiceField(choices=list(GOALS), required=False)
    days = serializers.IntegerField(required=False, help_text="The window: within how many days.")
    active_days = serializers.IntegerField(
        required=False, allow_null=True,
        help_text="Only of people who did it in so many days before; needed for `does_not`.",
    )  # fmt: skip
    segment = serializers.CharField(required=False, allow_blank=True, max_length=120, help_text="Its slug, or empty.")
    features = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=100, help_text="Empty: all there are."
    )
    groups = serializers.ListField(
        child=serializers.CharField(max_length=60), required=False, max_length=10,
        help_text="Features of type text by which fairness is told; they are never learned from.",
    )  # fmt: skip
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=["logistic", "forest", "boosting"]), required=False, max_length=3
    )
    share = serializers.FloatField(required=False, help_text="The share of people of which fairness is told.")
    blocks = serializers.BooleanField(required=False, help_text="What fails the four-fifths rule is not switched on.")
    policy = serializers.ChoiceField(choices=list(POLICIES), required=False)
    train_every_days = serializers.IntegerField(required=False, allow_null=True)
    score_every_days = serializers.IntegerField(required=False, allow_null=True)
    train_on_drift = serializers.BooleanField(required=False)
    online = serializers.BooleanField(
        required=False, help_text="A model beside the version in use learns of each day that closes."
    )
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class PredictionIn(Shape):
    """A prediction to keep."""

    slug = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    spec = PredictionSpecShape()


class VersionShape(Shape):
    """A trained version with what its model card shows."""

    version = serializers.IntegerField()
    status = serializers.CharField(help_text="`champion`, `challenger` or `archived`.")
    kind = serializers.CharField()
    run_id = Id()
    made_at = Instant()
    activated_at = Instant(allow_null=True)
    sha256 = serializers.CharField()
    bytes = serializers.IntegerField()
    figures = serializers.SerializerMethodField()

    @extend_schema_field(_ANY)
    def get_figures(self, row: Any) -> Any:
        return {name: one for name, one in row.figures.items() if name != "reference"}


class ScoringShape(Shape):
    """One time that everybody was scored: deciles, drift, and what came true once the window had closed."""

    run_id = Id()
    as_of = Instant()
    version = serializers.IntegerField()
    people = serializers.IntegerField()
    deciles = serializers.ListField(child=serializers.DictField(child=Anything()))
    drift = serializers.DictField(child=Anything())
    outcome = serializers.DictField(child=Anything(), allow_null=True)


class OnlineShape(Shape):
    """The model that learns of each day beside the version in use. Log losses are of the last `judged` rows, each
    before it was learned of."""

    serving = serializers.BooleanField(help_text="It scores; else it is a shadow.")
    rows = serializers.IntegerField()
    judged = serializers.IntegerField()
    loss = serializers.FloatField(allow_null=True)
    batch_loss = serializers.FloatField(allow_null=True, help_text="Of the version in use, on the same rows.")
    rejected = serializers.IntegerField(help_text="Days that were not learned of.")
    why = serializers.CharField(allow_blank=True, help_text="Why the last of them was not.")
    cutoff = Instant(help_text="The last day that was learned of begins here.")
    changed_at = Instant()
    alarms = serializers.ListField(
        child=serializers.CharField(), help_text="That it fell back, or that its loss drifted, in words."
    )


class PredictionShape(Shape):
    """A prediction with its versions and scorings, the newest first."""

    slug = serializers.CharField()
    name = serializers.CharField()
    trait = serializers.CharField()
    words = serializers.CharField()
    spec = PredictionSpecShape()
    made_by = serializers.CharField()
    made_at = Instant()
    alarms = serializers.ListField(child=serializers.CharField())
    online = OnlineShape(allow_null=True)
    versions = VersionShape(many=True)
    scorings = ScoringShape(many=True)


class MeterShape(Shape):
    """Whether there is enough to learn from."""

    enough = serializers.BooleanField()
    words = serializers.CharField()
    people = serializers.IntegerField()
    positives = serializers.IntegerField()


class VersionIn(Shape):
    """The version to switch on."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class ScoreIn(Shape):
    """Whose scores are wanted."""

    profiles = serializers.ListField(child=Id(), min_length=1, max_length=1000)
    reasons = serializers.BooleanField(required=False, default=True)


class ReasonShape(Shape):
    """What one feature adds to a score, in log-odds. A text that few people have is not repeated."""

    feature = serializers.CharField()
    title = serializers.CharField()
    value = Anything()
    effect = serializers.FloatField()


class ScoreShape(Shape):
    """A score as of now. `percentile`: among everybody when they were last scored; null before."""

    profile_id = Id()
    score = serializers.FloatField()
    percentile = serializers.IntegerField(allow_null=True)
    version = serializers.IntegerField()
    as_of = Instant()
    sentence = serializers.CharField(allow_blank=True)
    reasons = ReasonShape(many=True)
