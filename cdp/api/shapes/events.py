"""Events as they are stored, and what was refused."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Personal, Shape


class EventShape(Shape):
    """One stored event. `event` is a track call's own name; `envelope` holds the other fields as they came."""

    message_id = serializers.CharField()
    type = serializers.CharField()
    event = serializers.SerializerMethodField()
    timestamp = Instant(source="occurred_at")
    received_at = Instant()
    source_id = Id()
    identifier_id = Id()
    properties = Personal()
    envelope = Personal()

    @extend_schema_field({"type": ["string", "null"]})
    def get_event(self, row: Any) -> str | None:
        return row.name if row.type == "track" else None


class SessionShape(Shape):
    """One visit. `referrer` and `campaign` are of its first event."""

    started_at = Instant()
    ended_at = Instant()
    seconds = serializers.FloatField()
    events = serializers.IntegerField()
    pages = serializers.IntegerField()
    entry = serializers.CharField(allow_blank=True, help_text="The first page or screen.")
    exit = serializers.CharField(allow_blank=True, help_text="The last page or screen.")
    referrer = serializers.CharField(allow_blank=True)
    campaign = serializers.CharField(allow_blank=True)
    source_ids = serializers.ListField(child=Id())


class QuarantinedShape(Shape):
    """An item that was refused or could not be applied. `item` is shown with the scope `profiles:pii`."""

    id = Id()
    source_id = Id(allow_null=True)
    received_at = Instant()
    stage = serializers.CharField()
    reason = serializers.CharField()
    detail = serializers.CharField()
    state = serializers.CharField()
    item = serializers.SerializerMethodField()

    @extend_schema_field({"type": ["string", "null"]})
    def get_item(self, row: Any) -> str | None:
        return row.item if self.context.get("pii") else None


class ReplayIn(Shape):
    """Quarantined items to accept again."""

    ids = serializers.ListField(child=Id(), min_length=1, max_length=1000)


class ReplayShape(Shape):
    """How many items went back to the inbox; refused ones stay where they are."""

    accepted = serializers.IntegerField()
    refused = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Unknown, or settled already.")
