"""Purposes, what people chose, and the evidence of it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Shape
from common import masking
from privacy.contracts import LEGAL_BASES

_KEY = {"max_length": 64, "help_text": "Small letters, digits and `_`, such as `newsletter`."}
_CHANNEL = {"max_length": 64, "help_text": "Such as `email`; empty for all channels."}


class PurposeShape(Shape):
    """What data is used for. `version` and `text` are the wording in force; version 0: there is none yet."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    legal_basis = serializers.ChoiceField(choices=list(LEGAL_BASES))
    keep_ip = serializers.BooleanField(help_text="Whether records keep the address that consent was given from.")
    version = serializers.IntegerField()
    text = serializers.CharField(allow_blank=True)
    changed_by = serializers.CharField()
    changed_at = Instant()


class PurposeIn(Shape):
    """A purpose, described for the first time or anew. Another `text` is the next version of the wording."""

    key = serializers.CharField(**_KEY)  # type: ignore[arg-type]
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    legal_basis = serializers.ChoiceField(choices=list(LEGAL_BASES), required=False)
    text = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    keep_ip = serializers.BooleanField(required=False)


class TextShape(Shape):
    """One wording, in force from `at` until the next."""

    version = serializers.IntegerField()
    text = serializers.CharField()
    by = serializers.CharField()
    at = Instant()


class ConsentShape(Shape):
    """The answer to one purpose as it stands now; `channel` is empty for all channels."""

    purpose = serializers.CharField()
    channel = serializers.CharField(allow_blank=True)
    granted = serializers.BooleanField()
    since = Instant(help_text="When what decides was said.")


class ChoiceIn(Shape):
    """What the person said about one purpose."""

    purpose = serializers.CharField(**_KEY)  # type: ignore[arg-type]
    granted = serializers.BooleanField()
    channel = serializers.CharField(**_CHANNEL, required=False, allow_blank=True)  # type: ignore[arg-type]
    said_at = Instant(required=False, help_text="Now, when it is left out.")
    text_version = serializers.IntegerField(
        min_value=1, required=False, help_text="The wording that was shown; else the one in force at that time."
    )
    evidence = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text="What shows it: a form's number, a call's id."
    )
    ip = serializers.IPAddressField(required=False, help_text="Kept only where the purpose keeps addresses.")


class ConsentsIn(Shape):
    """What a person said: all of it is recorded, or nothing."""

    consents = serializers.ListField(child=ChoiceIn(), min_length=1, max_length=100)
    identifier = serializers.CharField(
        max_length=1100, required=False,
        help_text="Which of the person's identifiers it was said of, as `kind:value`; else that of the address, or the"
        " strongest.",
    )  # fmt: skip


class ConsentRecordShape(Shape):
    """One record of the history. It never changes; `repeated_at` moves on while libraries repeat the same answer."""

    id = Id()
    identifier = serializers.SerializerMethodField()
    purpose = serializers.CharField()
    channel = serializers.CharField(allow_blank=True)
    granted = serializers.BooleanField()
    said_at = Instant()
    repeated_at = Instant()
    recorded_at = Instant()
    source_id = serializers.SerializerMethodField()
    means = serializers.ChoiceField(choices=["stamp", "event", "trait", "form", "api"])
    text_version = serializers.IntegerField(allow_null=True)
    evidence = serializers.SerializerMethodField()
    ip = serializers.SerializerMethodField()
    by = serializers.CharField(allow_blank=True)
    message_id = serializers.CharField(allow_blank=True)

    @extend_schema_field({"type": "string"})
    def get_identifier(self, row: Any) -> str:
        kind, value = row.identifier
        return f"{kind}:{value if self.context.get('pii') else masking.mask(kind, value)}"

    @extend_schema_field({"type": ["string", "null"]})
    def get_source_id(self, row: Any) -> str | None:
        return str(row.source_id) if row.source_id else None

    @extend_schema_field({"type": "string"})
    def get_evidence(self, row: Any) -> str:
        # Anything may be in it.
        return row.evidence if self.context.get("pii") or not row.evidence else "•••"

    @extend_schema_field({"type": "string"})
    def get_ip(self, row: Any) -> str:
        return row.ip if self.context.get("pii") else masking.mask("ip", row.ip)


class SourceConsentIn(Shape):
    """Without consent to which purpose nothing of the source is stored; empty: it stores without asking."""

    purpose = serializers.CharField(max_length=64, allow_blank=True)


class SyncConsentIn(Shape):
    """The consent that a sync asks for; empty asks for none."""

    consent = serializers.CharField(
        max_length=400, allow_blank=True, help_text="Purposes, with commas between; all of them are needed."
    )
    consent_channel = serializers.CharField(**_CHANNEL, required=False, allow_blank=True)  # type: ignore[arg-type]
