"""The tracking plan."""

from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape
from quality import selectors

ANSWERS = [(key, key) for key, _ in selectors.ANSWERS]


class PlannedShape(Shape):
    """An event that came or was planned. `version` is 0 while nobody decided about it."""

    name = serializers.CharField()
    status = serializers.ChoiceField(choices=["new", "accepted", "ignored"])
    description = serializers.CharField(allow_blank=True)
    owner = serializers.CharField(allow_blank=True)
    schema = Anything(help_text="JSON Schema of the properties.")
    version = serializers.IntegerField()
    looked_at = serializers.IntegerField(help_text="Events that were looked at; a sample of all.")
    last_at = Instant(allow_null=True)
    source_ids = serializers.ListField(child=Id())
    violations = serializers.IntegerField(help_text="In the last week.")
    hints = serializers.ListField(child=serializers.CharField())


class DecisionIn(Shape):
    """What is decided about an event."""

    name = serializers.CharField(max_length=500)
    status = serializers.ChoiceField(choices=["accepted", "ignored"])
    schema = serializers.JSONField(required=False, help_text="Left out at first: what was seen.")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)


class EnforcementIn(Shape):
    """What becomes of items of a source that do not fit."""

    unplanned = serializers.ChoiceField(choices=["allow", "flag", "quarantine"])
    invalid = serializers.ChoiceField(choices=["allow", "flag", "strip", "quarantine"])


class BlockIn(Shape):
    """What becomes of personal data in properties that the plan does not name; classes left out are let in."""

    email = serializers.ChoiceField(choices=ANSWERS, default="allow")
    phone = serializers.ChoiceField(choices=ANSWERS, default="allow")
    card = serializers.ChoiceField(choices=ANSWERS, default="allow")
    ip = serializers.ChoiceField(choices=ANSWERS, default="allow")


class PlanReportShape(Shape):
    """One owner's planned events in one month."""

    id = Id()
    month = serializers.DateField(help_text="Its first day.")
    owner = serializers.CharField(allow_blank=True)
    events = serializers.ListField(
        child=serializers.DictField(), help_text="Version, changes, volume, validity, fill, what did not fit, alerts."
    )
    written_at = Instant()


class ViolationShape(Shape):
    """How often one thing did not fit on one day."""

    source_id = Id()
    event = serializers.CharField(source="name")
    kind = serializers.CharField(help_text="`unplanned`, `version`, `personal_…`, or the word of the schema.")
    pointer = serializers.CharField(allow_blank=True, help_text="JSON pointer into the properties.")
    day = serializers.DateField()
    count = serializers.IntegerField()
    last_at = Instant()
    sample = serializers.CharField(allow_blank=True, help_text="Masked when it looks personal.")
