"""Figures of quality and alerts."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from quality.selectors import ALERT_KINDS

KINDS = list(ALERT_KINDS)


class FigureShape(Shape):
    """One event of one source on one day of receipt (UTC)."""

    day = serializers.DateField()
    source_id = Id()
    event = serializers.CharField()
    volume = serializers.IntegerField(help_text="Items with a new message id.")
    duplicates = serializers.IntegerField(help_text="Their message id was seen before.")
    lookalikes = serializers.IntegerField(help_text="Same content within ten seconds under another message id.")
    judged = serializers.IntegerField(help_text="What rules or the plan looked at.")
    faulty = serializers.IntegerField(help_text="Of these, what did not hold.")
    set_aside = serializers.IntegerField()
    validity = serializers.FloatField(allow_null=True)
    fill = serializers.FloatField(allow_null=True, help_text="Mean over the properties; of a sample.")
    delay_seconds = serializers.FloatField(allow_null=True)
    last_at = Instant()


class FillShape(Shape):
    """How often a property had something in it on a day; of a sample."""

    day = serializers.DateField()
    source_id = Id()
    event = serializers.CharField()
    path = serializers.CharField()
    looked_at = serializers.IntegerField()
    filled = serializers.IntegerField()
    share = serializers.FloatField()


class LimitIn(Shape):
    """A limit about the same source and event is changed. Hours are of the zone; equal hours are the whole day."""

    source_id = Id()
    event = serializers.CharField(
        required=False, default="", allow_blank=True, max_length=500, help_text="Empty: any event of the source."
    )
    minutes = serializers.IntegerField(min_value=1, max_value=43_200)
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=7), required=False, default=list, max_length=7,
        help_text="1 is Monday; empty: every day.",
    )  # fmt: skip
    from_hour = serializers.IntegerField(required=False, default=0, min_value=0, max_value=23)
    to_hour = serializers.IntegerField(required=False, default=0, min_value=0, max_value=24)
    time_zone = serializers.CharField(required=False, default="UTC", max_length=64)


class LimitShape(LimitIn):
    """A limit of freshness, and how it stands."""

    id = Id()
    changed_by = serializers.CharField()
    changed_at = Instant()
    last_at = Instant(allow_null=True)
    passed = serializers.BooleanField()


class AlertShape(Shape):
    """Something that is not as it used to be."""

    id = Id()
    kind = serializers.ChoiceField(choices=KINDS)
    source_id = Id()
    event = serializers.CharField()
    day = serializers.DateField()
    told = serializers.CharField()
    state = serializers.ChoiceField(choices=["open", "acknowledged", "closed"])
    opened_at = Instant()
    settled_at = Instant(allow_null=True)
    settled_by = serializers.CharField(allow_blank=True)
    path = serializers.CharField(
        allow_blank=True,
        help_text="Of alerts of models: the page that says more. Their `event` names what raised them.",
    )
