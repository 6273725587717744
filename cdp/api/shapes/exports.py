"""Exports of segments."""

from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape


class ExportIn(Shape):
    """What to write."""

    format = serializers.ChoiceField(choices=["csv", "ndjson", "parquet"], default="csv")
    columns = serializers.ListField(
        child=serializers.CharField(max_length=160), required=False, default=list, max_length=60,
        help_text="`identifiers.KIND`, `traits.NAME`, `created_at`; the profile id is always there. "
        "Left out: user ids and e-mail addresses.",
    )  # fmt: skip
    personal = serializers.BooleanField(
        required=False, default=False, help_text="Personal data as it is (needs `profiles:pii`); otherwise masked."
    )


class ExportShape(Shape):
    """One export. `version`, `rows` and `size` are known when it is done."""

    id = Id()
    segment_id = Id()
    segment = serializers.CharField(source="slug")
    format = serializers.CharField(source="file_format")
    columns = serializers.ListField(child=serializers.CharField())
    personal = serializers.BooleanField()
    state = serializers.ChoiceField(choices=["waiting", "done", "failed", "cancelled", "expired"])
    job_id = Id()
    version = serializers.IntegerField(source="at_seq", allow_null=True, help_text="Of the ledger of memberships.")
    rows = serializers.IntegerField(allow_null=True)
    size = serializers.IntegerField(allow_null=True, help_text="In bytes.")
    error = serializers.CharField(allow_blank=True)
    created_at = Instant()
    finished_at = Instant(allow_null=True)
    expires_at = Instant(allow_null=True)
