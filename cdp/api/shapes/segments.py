"""Segments, their members and the changes feed."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape


@extend_schema_field(OpenApiTypes.OBJECT)
class Rule(Anything):
    """A rule tree; judged by the segments app, which says what is wrong with it."""


class SegmentShape(Shape):
    """A segment with its rule. `version` counts the changes of the rule."""

    id = Id()
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    owner = serializers.CharField(allow_blank=True)
    review_on = serializers.DateField(allow_null=True)
    rule = Rule()
    wording = serializers.CharField(help_text="The rule in words.")
    version = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Members now.")
    created_at = Instant()
    changed_at = Instant()
    archived_at = Instant(allow_null=True)
    refreshed_at = Instant(allow_null=True)


class SegmentIn(Shape):
    """A new segment."""

    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=100, required=False, help_text="Made from the name when left out.")
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    rule = Rule(help_text='A rule tree, such as `{"trait": "plan", "is": "eq", "value": "pro"}`.')


class SegmentChangeIn(Shape):
    """What may be changed of a segment; leave out what stays."""

    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    rule = Rule(required=False)


class PreviewIn(Shape):
    """A rule to try out."""

    rule = Rule()


class PreviewShape(Shape):
    """How many would be members now, and some of them."""

    count = serializers.IntegerField()
    sample = serializers.ListField(child=Id())


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
