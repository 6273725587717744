"""Erasures, access and the suppression list."""

from rest_framework import serializers

from cdp.api.shapes.fields import Anything, Id, Instant, Shape
from privacy.contracts import SUPPRESSION_REASONS


class ErasureIn(Shape):
    """Whom to erase."""

    person = serializers.CharField(max_length=1100, help_text="A profile's id, or any identifier as `kind:value`.")
    suppress = serializers.BooleanField(
        required=False, default=True, help_text="Store nothing more of the identifiers from now on."
    )


class ErasureShape(Shape):
    """One erasure. `channels`: erased here, and not every channel has confirmed yet."""

    id = Id()
    state = serializers.ChoiceField(choices=["waiting", "channels", "done"])
    identifiers = serializers.IntegerField(help_text="How many were known of the person.")
    suppress = serializers.BooleanField()
    requested_by = serializers.CharField()
    requested_at = Instant()
    due_on = serializers.DateField()
    erased_at = Instant(allow_null=True)
    done_at = Instant(allow_null=True)
    counts = Anything(help_text="Rows deleted, by store.")
    channels = Anything(help_text="How each channel stands with the removal.")
    error = serializers.CharField(allow_blank=True)
    job_id = Id()


class ReceiptShape(Shape):
    """What was erased where, signed (Ed25519 over the document as JSON with sorted keys and no spaces)."""

    document = Anything()
    signature = serializers.CharField(help_text="Base64.")
    public_key = serializers.CharField(help_text="Base64 of its 32 bytes.")


class PublicKeyShape(Shape):
    """The key that this installation signs receipts with."""

    public_key = serializers.CharField(help_text="Base64 of its 32 bytes.")


class IdentifierIn(Shape):
    """An identifier."""

    identifier = serializers.CharField(max_length=1100, help_text="As `kind:value`, such as `email:ana@example.org`.")


class SuppressionIn(IdentifierIn):
    """An identifier of which nothing must be stored."""

    reason = serializers.ChoiceField(choices=list(SUPPRESSION_REASONS), required=False, default="asked")


class SuppressionShape(Shape):
    """One entry. Whom it is about cannot be told from it."""

    id = Id()
    kind = serializers.CharField()
    reason = serializers.CharField()
    by = serializers.CharField()
    at = Instant()
