"""Segments, their members and the changes feed."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape


@extend_schema_field(OpenApiTypes.OBJECT)
class Rule(Anything):
    """A rule tree; judged by the segments app, which says what is wrong with it."""


class RuleText(serializers.CharField):
    """A rule in the language of rules, in the place of a tree."""

    def __init__(self, **more: Any) -> None:
        told = 'The same as text, such as `plan = "pro" and count("Order Completed" in last 30 days) >= 1`.'
        super().__init__(**{"required": False, "max_length": 20_000, "help_text": told, **more})


class Tags(serializers.ListField):
    """Words to find segments by."""

    child = serializers.CharField(max_length=40)

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"max_length": 20, **more})


class SegmentShape(Shape):
    """A segment with its rule. `version` counts the changes of the rule."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    review_on = serializers.DateField(allow_null=True)
    rule = Rule()
    rule_text = serializers.CharField(help_text="The rule in the language of rules; it is read back as the same rule.")
    wording = serializers.CharField(help_text="The rule in words.")
    tags = serializers.ListField(child=serializers.CharField())
    version = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Members now.")
    created_at = Instant()
    changed_at = Instant()
    archived_at = Instant(allow_null=True)
    refreshed_at = Instant(allow_null=True)


class PublicationShape(Shape):
    """A rule that a worker publishes."""

    id = Id()
    state = serializers.ChoiceField(choices=["waiting", "done", "failed", "cancelled"])
    segment_id = Id(allow_null=True)
    slug = serializers.CharField()
    name = serializers.CharField()
    job_id = Id(help_text="The job with its progress.")
    error = serializers.CharField(allow_blank=True)
    requested_by = serializers.CharField()
    requested_at = Instant()
    finished_at = Instant(allow_null=True)


class SegmentIn(Shape):
    """A new segment."""

    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=100, required=False, help_text="Made from the name when left out.")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    owner = serializers.CharField(max_length=200, required=False, help_text="Who answers for it; you when left out.")
    review_on = serializers.DateField(required=False, allow_null=True, help_text="When its owner is reminded of it.")
    tags = Tags(required=False)
    rule = Rule(
        required=False, help_text='A tree such as `{"trait": "plan", "is": "eq", "value": "pro"}`; or give `rule_text`.'
    )
    rule_text = RuleText()


class SegmentChangeIn(Shape):
    """What may be changed of a segment; leave out what stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    owner = serializers.CharField(max_length=200, required=False, allow_blank=True)
    review_on = serializers.DateField(required=False, allow_null=True)
    tags = Tags(required=False)
    rule = Rule(required=False)
    rule_text = RuleText()


class PreviewIn(Shape):
    """A rule to try out: `rule` or `rule_text`."""

    rule = Rule(required=False)
    rule_text = RuleText()


class ConditionCountShape(Shape):
    """One of the rule's top conditions, and how many meet it alone."""

    wording = serializers.CharField()
    people = serializers.IntegerField()


class PreviewShape(Shape):
    """How many would be members now, and some of them; which condition decides; whom a channel could reach."""

    count = serializers.IntegerField()
    estimated = serializers.BooleanField(help_text="Whether the numbers are estimates from a sample.")
    sample = serializers.ListField(child=Id())
    conditions = ConditionCountShape(many=True)
    reach = serializers.DictField(
        child=serializers.IntegerField(), help_text="How many have an identifier of each kind."
    )


class DifferenceShape(Shape):
    """Who came in and who went from one version of the ledger to another, on the whole; the first hundred of each."""

    from_seq = serializers.IntegerField()
    to_seq = serializers.IntegerField()
    entered = serializers.IntegerField()
    exited = serializers.IntegerField()
    some_entered = serializers.ListField(child=Id())
    some_exited = serializers.ListField(child=Id())


class OverlapShape(Shape):
    """Two segments that share people; `share` is of all who are in either."""

    a = Id()
    b = Id()
    people = serializers.IntegerField()
    share = serializers.FloatField()


class FindingShape(Shape):
    """Something about a segment that its owner should look at."""

    segment_id = Id()
    code = serializers.CharField()
    text = serializers.CharField()


class RestoreIn(Shape):
    """An earlier version of the rule."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)


class ListShape(Shape):
    """A static list; `entries` counts identifiers."""

    slug = serializers.CharField()
    name = serializers.CharField()
    entries = serializers.IntegerField()
    created_by = serializers.CharField(allow_blank=True)
    created_at = Instant()
    changed_at = Instant()


class ListIn(Shape):
    """A new list."""

    slug = serializers.SlugField(max_length=80)
    name = serializers.CharField(max_length=200, required=False, default="")


class EntriesIn(Shape):
    """Identifiers as `kind:value`, at most 1,000 in all; values are standardised as on their way in."""

    add = serializers.ListField(child=serializers.CharField(max_length=1100), required=False, default=list)
    remove = serializers.ListField(child=serializers.CharField(max_length=1100), required=False, default=list)


class EntriesShape(Shape):
    """What the call changed. `unknown` are identifiers that nobody has; they are not on the list."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    unknown = serializers.ListField(child=serializers.CharField())


class MembershipShape(Shape):
    """A segment that a profile is in."""

    segment_id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    since = Instant(allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class MemberShape(Shape):
    """A member of a segment."""

    profile_id = Id()


class MembersShape(Shape):
    """Members of a segment as they were after change number `version`, in order of id."""

    version = serializers.IntegerField(help_text="All pages of one reading show this version.")
    data = MemberShape(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField(allow_null=True)
    changes_cursor = serializers.CharField(help_text="Where to follow the changes from, to go on from this version.")
    total = serializers.IntegerField(required=False, help_text="Only with `include=total`; exact.")


class ChangeShape(Shape):
    """One profile that came in or went out."""

    seq = serializers.IntegerField()
    profile_id = Id()
    change = serializers.SerializerMethodField()
    at = Instant()
    reason = serializers.CharField(allow_blank=True)
    segment_version = serializers.IntegerField(source="version", help_text="Of the rule that decided.")

    @extend_schema_field({"type": "string", "enum": ["added", "removed"]})
    def get_change(self, row: Any) -> str:
        return "added" if row.entered else "removed"


class ChangesShape(Shape):
    """Changes of a segment in order. `next_cursor` is always given: the feed has no end."""

    data = ChangeShape(many=True)  # type: ignore[assignment]
    next_cursor = serializers.CharField()
    has_more = serializers.BooleanField(help_text="Whether more is there already.")
    version = serializers.IntegerField(help_text="The newest change that this answer takes into account.")


class AckIn(Shape):
    """How far the channel has applied the changes."""

    seq = serializers.IntegerField(min_value=0, max_value=2**63 - 1)


class PositionShape(Shape):
    """How far this token's channel has come with a segment."""

    segment_id = Id()
    seq = serializers.IntegerField()
    acknowledged_at = Instant(allow_null=True)
    version = serializers.IntegerField(help_text="The newest change there is; the difference is the channel's lag.")
