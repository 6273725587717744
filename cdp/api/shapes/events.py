"""Events as they are stored, and what was refused."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Personal, Shape, conceal


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
    replayed_as = serializers.SerializerMethodField()
    settled_by = serializers.CharField(allow_blank=True)
    settled_at = Instant(allow_null=True)
    raw_bytes = serializers.IntegerField(
        help_text="Above 0: a document that cannot be read any more; `item` is what can be read of it."
    )

    @extend_schema_field({"type": ["string", "null"]})
    def get_item(self, row: Any) -> str | None:
        return row.item if self.context.get("pii") else None

    @extend_schema_field({"type": ["string", "null"]})
    def get_replayed_as(self, row: Any) -> str | None:
        """What was sent in its place, when somebody edited it; the empty text when it went as it was."""
        return row.replayed_as if self.context.get("pii") else None


class ItemIn(Shape):
    """An item in another wording, as JSON text; without one it goes as it came."""

    item = serializers.CharField(required=False, max_length=100_000, trim_whitespace=False)


class IdentifierKeyShape(Shape):
    """An identifier that an item carries."""

    kind = serializers.CharField()
    value = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string"})
    def get_value(self, row: Any) -> str:
        return str(row.value) if self.context.get("pii") else str(conceal(row.value, row.kind))


class RehearsalShape(Shape):
    """What would become of an item. `profile_id` is null for a new profile."""

    verdict = serializers.ChoiceField(
        source="outcome", choices=["comes_in", "repeat", "refused", "quarantined", "suppressed", "could_not_apply"]
    )
    reason = serializers.CharField(allow_blank=True)
    detail = serializers.CharField(allow_blank=True)
    event = serializers.CharField(allow_blank=True)
    timestamp = Instant(source="occurred_at", allow_null=True)
    identifiers = IdentifierKeyShape(many=True)
    profile_id = serializers.SerializerMethodField()

    @extend_schema_field({"type": ["string", "null"]})
    def get_profile_id(self, row: Any) -> str | None:
        return str(row.profile_id) if row.profile_id else None


class QuarantineFitsIn(Shape):
    """Which open items; what is left out asks nothing. An identifier is looked for as it was sent."""

    source_id = Id(required=False)
    event = serializers.CharField(required=False, max_length=500)
    stage = serializers.ChoiceField(required=False, choices=["accept", "apply", "block", "clean", "plan", "review"])
    reason = serializers.CharField(required=False, max_length=64)
    since = Instant(required=False)
    until = Instant(required=False)
    identifier = serializers.CharField(required=False, max_length=512)


class QuarantineCountShape(Shape):
    """How many items have one reason."""

    source_id = Id(allow_null=True)
    stage = serializers.CharField()
    reason = serializers.CharField()
    count = serializers.IntegerField()


class QuarantinePreviewShape(Shape):
    """How many items fit."""

    total = serializers.IntegerField()
    by = QuarantineCountShape(many=True)


class LogFitsIn(Shape):
    """Which events of the log; what is left out asks nothing. Times are of when it happened."""

    source_id = Id(required=False)
    event = serializers.CharField(required=False, max_length=500)
    since = Instant(required=False)
    until = Instant(required=False)
    profile_id = Id(required=False)


class LogPreviewShape(Shape):
    """How many events fit; of a large log an estimate."""

    total = serializers.IntegerField()
    estimated = serializers.BooleanField()


class ReplayJobShape(Shape):
    """A replay by filter. `fits` is what was chosen; an identifier is not shown."""

    id = Id()
    of = serializers.ChoiceField(choices=["quarantine", "log"])
    fits = Anything()
    state = serializers.ChoiceField(choices=["waiting", "done", "failed", "cancelled"])
    counts = Anything()
    error = serializers.CharField(allow_blank=True)
    job_id = Id()
    requested_at = Instant()
    finished_at = Instant(allow_null=True)


class ReplayIn(Shape):
    """Quarantined items to accept again."""

    ids = serializers.ListField(child=Id(), min_length=1, max_length=1000)


class ReplayShape(Shape):
    """How many items went back to the inbox; refused ones stay where they are."""

    accepted = serializers.IntegerField()
    refused = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Unknown, or settled already.")
