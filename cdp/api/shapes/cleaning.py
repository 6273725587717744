"""Cleaning rules, what they did, and values that wait for a person."""

from typing import Any

from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Personal, Shape
from quality import selectors

_KINDS = list(selectors.kinds())
_SCOPES, _THEN = [key for key, _ in selectors.SCOPES], [key for key, _ in selectors.THEN]


class WhenShape(Shape):
    """Where a rule holds: by another property of the same object."""

    path = serializers.CharField(max_length=200, help_text="JSON pointer, such as `/country`.")
    relation = serializers.ChoiceField(choices=[key for key, _ in selectors.RELATIONS], default="is")
    values = serializers.ListField(
        child=serializers.CharField(max_length=500),
        required=False,
        default=list,
        max_length=1000,
        help_text="With `is` and `is_not`.",
    )


class DefinitionShape(Shape):
    """What a rule says."""

    name = serializers.CharField(max_length=200)
    source_id = Id(required=False, allow_null=True, default=None, help_text="Null: every source.")
    scope = serializers.ChoiceField(choices=_SCOPES, default="properties")
    event = serializers.CharField(max_length=500, required=False, allow_blank=True, default="",
                                  help_text="Empty: every event.")  # fmt: skip
    path = serializers.CharField(max_length=200, allow_blank=True,
                                 help_text="JSON pointer; `*` is each element of a list.")  # fmt: skip
    kind = serializers.ChoiceField(choices=_KINDS)
    settings = serializers.DictField(required=False, default=dict, help_text="What the kind asks.")
    then = serializers.ChoiceField(choices=_THEN, default="flag", help_text="What becomes of values that do not hold.")
    instead = Anything(required=False, allow_null=True, default=None, help_text="With `then: replace`.")
    when = WhenShape(required=False, allow_null=True, default=None, help_text="Null: everywhere.")


class CleaningRuleShape(Shape):
    """A rule in its place; rules hold in order of `position`."""

    id = Id()
    position = serializers.IntegerField()
    version = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["draft", "on", "off"])
    definition = DefinitionShape()
    says = serializers.CharField(help_text="The rule as a sentence.")
    changed_by = serializers.CharField()
    changed_at = Instant()
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By outcome, in the last week.")


class SteerIn(Shape):
    """Switch a rule, move it, or put an earlier version back; at least one."""

    state = serializers.ChoiceField(choices=["on", "off"], required=False)
    position = serializers.IntegerField(required=False, min_value=1, max_value=100_000)
    version = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)


class SampleShape(Shape):
    """What one value was and became; masked when it looks personal."""

    message_id = serializers.CharField(allow_blank=True)
    pointer = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField(allow_blank=True)


class TrialShape(Shape):
    """What a rule would have done."""

    looked_at = serializers.IntegerField()
    found = serializers.IntegerField(help_text="Events that the rule touches.")
    counts = serializers.DictField(child=serializers.IntegerField())
    samples = SampleShape(many=True)


class EffectShape(Shape):
    """What a rule did on one day with one event of one source."""

    rule_id = Id()
    version = serializers.IntegerField()
    source_id = Id()
    event = serializers.CharField()
    pointer = serializers.CharField()
    outcome = serializers.CharField()
    day = serializers.DateField()
    count = serializers.IntegerField()
    last_at = Instant()
    samples = SampleShape(many=True)


class RatesIn(Shape):
    """A file of exchange rates as text."""

    name = serializers.CharField(max_length=200, default="rates")
    content = serializers.CharField(help_text="eurofxref-hist as CSV or XML.", trim_whitespace=False)


class RatesShape(Shape):
    """The rates that are known."""

    currencies = serializers.IntegerField()
    days = serializers.IntegerField()
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)


class ReferenceListIn(Shape):
    """A list that values are held against; the same short name again replaces it."""

    slug = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    values = serializers.ListField(child=serializers.CharField(max_length=500, allow_blank=True), max_length=100_000)


class ReferenceListShape(Shape):
    """A list; its values are not shown here."""

    slug = serializers.CharField()
    name = serializers.CharField()
    size = serializers.IntegerField()
    changed_by = serializers.CharField()
    changed_at = Instant()


class ValueReviewShape(Shape):
    """A value that waits for a person, or what was decided."""

    id = Id()
    rule_id = Id()
    rule_name = serializers.CharField()
    source_id = Id()
    event = serializers.CharField()
    pointer = serializers.CharField()
    value = serializers.SerializerMethodField()
    message_id = serializers.CharField()
    quarantined_id = Id()
    state = serializers.ChoiceField(choices=["open", "accepted", "corrected", "rejected"])
    at = Instant()
    settled_by = serializers.CharField(allow_blank=True)
    settled_at = Instant(allow_null=True)

    def get_value(self, one: Any) -> Any:
        """Masked by its name unless the token sees personal data."""
        shown = Personal()
        shown.bind("value", self)
        return shown.to_representation({one.field: one.value})[one.field]


class VerdictIn(Shape):
    """What a person decides about a value."""

    verdict = serializers.ChoiceField(choices=["accepted", "corrected", "rejected"])
    value = Anything(required=False, allow_null=True, default=None, help_text="With `corrected`: the right value.")
