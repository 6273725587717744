"""Profiles, their identifiers, traits and links; merges and unmerges."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cdp.api.shapes.fields import Id, Instant, Personal, Reason, Shape, conceal
from common import masking


class IdentifierShape(Shape):
    """One key of a person."""

    id = Id()
    kind = serializers.CharField()
    value = serializers.SerializerMethodField(help_text="Masked without the scope `profiles:pii`.")
    first_seen_at = Instant()

    def get_value(self, row: Any) -> str:
        return str(row.value) if self.context.get("pii") else masking.mask(row.kind, row.value)


class ProfileRowShape(Shape):
    """A profile in a list."""

    id = Id()
    identifiers = IdentifierShape(many=True)
    traits = Personal()
    created_at = Instant()
    updated_at = Instant()


class ProfileShape(ProfileRowShape):
    """One person. `merged_from` are ids of profiles that were merged into this one; they keep answering here."""

    merged_from = serializers.ListField(child=Id())
    requested_id = serializers.SerializerMethodField(
        help_text="The id that was asked for; another than `id` when that profile has been merged."
    )

    @extend_schema_field({"type": ["string", "null"]})
    def get_requested_id(self, row: Any) -> str | None:
        asked = self.context.get("requested_id")
        return None if asked is None else str(asked)


class KeyShape(Shape):
    """An identifier named by kind and value."""

    kind = serializers.CharField()
    value = serializers.SerializerMethodField()

    def get_value(self, row: Any) -> str:
        return str(row.value) if self.context.get("pii") else masking.mask(row.kind, row.value)


class ClaimShape(Shape):
    """What one source said of one identifier."""

    value = serializers.SerializerMethodField()
    source_id = serializers.SerializerMethodField()
    identifier = KeyShape()
    observed_at = Instant()

    @extend_schema_field(OpenApiTypes.ANY)
    def get_value(self, row: Any) -> Any:
        # A rejected candidate does not know its trait: the shape around it passes the name down.
        name = getattr(row, "key", None) or self.context.get("trait", "")
        return row.value if self.context.get("pii") else conceal(row.value, name)

    @extend_schema_field(Id(allow_null=True, help_text="Null: computed here, or recorded here by a person or program."))
    def get_source_id(self, row: Any) -> str | None:
        return str(row.source_id) if row.source_id > 0 else None


class TraitShape(ClaimShape):
    """A trait with its provenance: the claim that won, the rule that chose it, and the claims that did not."""

    key = serializers.CharField()
    rule = serializers.CharField()
    computation = serializers.IntegerField(
        allow_null=True, help_text="The run of insights that computed it; of `feature_…` the number of the write."
    )
    others = serializers.SerializerMethodField()

    @extend_schema_field(ClaimShape(many=True))
    def get_others(self, row: Any) -> list[Any]:
        return list(ClaimShape(row.others, many=True, context={**self.context, "trait": row.key}).data)


class LinkShape(Shape):
    """A reasoned join of two identifiers. `refused_because` is empty for a link that holds."""

    a = IdentifierShape()
    b = IdentifierShape()
    origin = serializers.CharField(help_text="`asserted`, `observed` or `matched`.")
    basis = serializers.CharField()
    confidence = serializers.FloatField(allow_null=True)
    evidence = Personal()
    first_at = Instant()
    retracted_at = Instant(allow_null=True)
    retracted_by = serializers.CharField(allow_null=True)
    retracted_reason = serializers.CharField(allow_null=True)
    refused_because = serializers.CharField(allow_null=True)


class CannotLinkShape(Shape):
    """A reasoned ban on joining two identifiers."""

    a = serializers.SerializerMethodField()
    b = serializers.SerializerMethodField()
    by = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    @extend_schema_field(IdentifierShape)
    def get_a(self, row: Any) -> Any:
        return IdentifierShape(row[0], context=self.context).data

    @extend_schema_field(IdentifierShape)
    def get_b(self, row: Any) -> Any:
        return IdentifierShape(row[1], context=self.context).data

    def get_by(self, row: Any) -> str:
        return str(row[2])

    def get_reason(self, row: Any) -> str:
        return str(row[3])


class WhyShape(Shape):
    """Why two identifiers are, or are not, one person."""

    together = serializers.BooleanField()
    sentence = serializers.CharField()
    path = LinkShape(many=True, help_text="The links that join them, in order.")
    refused = LinkShape(many=True, help_text="The links that were refused, with reasons.")
    cannot_links = CannotLinkShape(many=True)
    policy_version = serializers.IntegerField()


class MergeIn(Shape):
    """Two profiles that are one person."""

    a = serializers.CharField(max_length=1100, help_text="Profile id, or `kind:value`.")
    b = serializers.CharField(max_length=1100, help_text="Profile id, or `kind:value`.")
    reason = Reason()


class UnmergeIn(Shape):
    """Identifiers of a profile that belong to somebody else."""

    profile = serializers.CharField(max_length=1100, help_text="Profile id, or `kind:value`.")
    identifiers = serializers.ListField(
        child=serializers.CharField(max_length=1100),
        min_length=1,
        max_length=1000,
        help_text="Ids of identifiers of this profile, or `kind:value`.",
    )
    reason = Reason()


class MoveShape(Shape):
    """An identifier that now belongs to another profile."""

    identifier_id = Id()
    from_profile = Id()
    to_profile = Id()


class OutcomeShape(Shape):
    """What a merge or an unmerge did."""

    decision_id = Id(allow_null=True)
    profile_ids = serializers.ListField(child=Id())
    moved = MoveShape(many=True)
    created = serializers.ListField(child=Id())
    retired = serializers.ListField(child=Id())


class DecisionShape(Shape):
    """A steward's merge or unmerge."""

    id = Id()
    kind = serializers.CharField()
    profile_ids = serializers.ListField(child=Id())
    by = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    made_at = Instant()
    undone_at = Instant(allow_null=True)
    undone_by = serializers.CharField(allow_blank=True)
