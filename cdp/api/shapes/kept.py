"""Kept features."""

from rest_framework import serializers

from cdp.api.shapes.fields import Instant, Shape


class KeptFeatureShape(Shape):
    """A feature that is kept as a trait. `whole_at` is the instant of which everybody was computed last, null before
    the first time, and `people` how many had a value then."""

    name = serializers.CharField()
    trait = serializers.CharField(help_text="The trait that rules, profiles and syncs read.")
    state = serializers.SerializerMethodField()
    whole_at = Instant(allow_null=True)
    people = serializers.IntegerField()
    kept_by = serializers.CharField()
    kept_at = Instant()

    def get_state(self, row: object) -> str:
        """`computing`: everybody is being computed. `leaving`: the trait is being taken away."""
        if getattr(row, "leaving", False):
            return "leaving"
        return "computing" if getattr(row, "filling", False) else "kept"


class KeptFeaturesShape(Shape):
    """Every kept feature, and how far they are behind: `waiting` people of whom something came, the longest of them
    since `oldest_at`."""

    features = KeptFeatureShape(many=True)
    waiting = serializers.IntegerField()
    oldest_at = Instant(allow_null=True)
    computed_at = Instant(allow_null=True, help_text="When values were written last.")
    most = serializers.IntegerField(help_text="How many features can be kept.")
