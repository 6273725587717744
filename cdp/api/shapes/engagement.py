"""The engagement score."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from insights.contracts import MOST_PARTS


class EngagementPartShape(Shape):
    """One feature of the score. Below `full` a value counts ln(1 + value)/ln(1 + full); with `falls` less is better,
    and it counts 1 - value/full."""

    feature = serializers.CharField(max_length=60)
    weight = serializers.FloatField(help_text="Beside the weights of the others.")
    full = serializers.FloatField(help_text="The value from which on it counts whole.")
    falls = serializers.BooleanField(required=False, default=False)


class EngagementIn(Shape):
    """What counts, and how much."""

    parts = serializers.ListField(child=EngagementPartShape(), min_length=1, max_length=MOST_PARTS)


class EngagementBandShape(Shape):
    """How many people have a score from `least` to 10 above it."""

    least = serializers.IntegerField()
    people = serializers.IntegerField()


class ScoredEngagementShape(Shape):
    """The newest computation. `shares`: what each feature gives on average, of what it can."""

    run_id = Id()
    as_of = Instant()
    version = serializers.IntegerField()
    people = serializers.IntegerField()
    mean = serializers.FloatField()
    bands = EngagementBandShape(many=True)
    shares = serializers.DictField(child=serializers.FloatField())


class EngagementShape(Shape):
    """The weights in force; `made_by` is empty while they are those shipped. Each person's score is in the traits
    `engagement_score` and `engagement_model`."""

    version = serializers.IntegerField()
    parts = EngagementPartShape(many=True)
    made_by = serializers.CharField(allow_blank=True)
    made_at = Instant(allow_null=True)
    newest = ScoredEngagementShape(allow_null=True)


class PartScoreShape(Shape):
    """What one feature gave: `share` of what it can, `points` of the hundred, `most` that it can give."""

    feature = serializers.CharField()
    title = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    share = serializers.FloatField()
    points = serializers.FloatField()
    most = serializers.FloatField()


class EngagementOfShape(Shape):
    """One person's score as of now, by parts."""

    profile_id = Id()
    score = serializers.FloatField()
    version = serializers.IntegerField()
    as_of = Instant()
    parts = PartScoreShape(many=True)
