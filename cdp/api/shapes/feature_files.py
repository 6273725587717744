"""Feature files and training sets."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from insights.contracts import LABEL_DAYS


class FeatureFileShape(Shape):
    """A Parquet file of features; `rows` and `size` (bytes) are known when it is done."""

    id = Id()
    features = serializers.ListField(child=serializers.CharField())
    as_of = Instant()
    segment_id = Id()
    label_days = serializers.IntegerField()
    personal = serializers.BooleanField()
    state = serializers.CharField()
    job_id = Id()
    rows = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_blank=True)
    requested_by = serializers.CharField()
    created_at = Instant()
    finished_at = Instant(allow_null=True)


class FeatureFileIn(Shape):
    """A file to write. `segment_id`: 0 for everybody. With `label_days`, `as_of` is that long ago when left out."""

    features = serializers.ListField(child=serializers.CharField(max_length=60), max_length=200)
    as_of = Instant(required=False)
    segment_id = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1, default=0)
    label_days = serializers.IntegerField(
        required=False, default=0, help_text=f"One of {', '.join(str(one) for one in LABEL_DAYS)}."
    )
    personal = serializers.BooleanField(required=False, default=False)
