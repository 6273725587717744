"""How long events are kept."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape


class RetentionRuleIn(Shape):
    """Which events are kept for how long. `days` null: for good. What is left out asks nothing."""

    event = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)
    source_id = Id(required=False, default=None, allow_null=True)
    purpose = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=100,
        help_text="Events of people who did not agree to this purpose.",
    )  # fmt: skip
    days = serializers.IntegerField(allow_null=True, min_value=1, max_value=36_500)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=1000)


class RetentionRuleShape(Shape):
    """A rule. The one with the id 0 is `CDP_EVENT_RETENTION_DAYS`."""

    id = Id()
    event = serializers.CharField(allow_blank=True)
    source_id = Id(allow_null=True)
    purpose = serializers.CharField(allow_blank=True)
    days = serializers.IntegerField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    changed_by = serializers.CharField()
    changed_at = Instant(allow_null=True)


class RetentionShape(Shape):
    """All rules, the most specific first."""

    rules = RetentionRuleShape(many=True)


class DueShape(Shape):
    """How many events would go by a rule now."""

    about = serializers.CharField()
    days = serializers.IntegerField(allow_null=True)
    count = serializers.IntegerField()
    oldest_at = Instant(allow_null=True)


class RetentionPreviewShape(Shape):
    """What would go now, with the rule that was asked about in its place. Large logs are estimated."""

    due = DueShape(many=True)
    estimated = serializers.BooleanField()


class RetentionRunShape(Shape):
    """The job that takes out what is over."""

    job_id = Id()
