"""Tables of identity. Columns and constraints only; every verb lives in `identity.services`.

Links and claims name identifiers by id without a foreign key: they are written by one writer at a time whose turn
guarantees that the identifier exists, in set-based statements where a key check per row would cost as much as the row.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class Identifier(models.Model):
    """One key of a person. (kind, value) is unique: two profiles can never claim the same key."""

    kind = models.TextField(db_collation="C")
    value = models.TextField(db_collation="C")
    component_id = models.BigIntegerField()
    profile_id = models.BigIntegerField()
    quarantine = models.TextField(default="", blank=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "value"], name="identifier_kind_value_unique"),
            models.CheckConstraint(condition=~Q(value=""), name="identifier_value_not_empty"),
        ]
        indexes = [
            models.Index(fields=["component_id"], name="identifier_component"),
            models.Index(fields=["profile_id"], name="identifier_profile"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


class Link(models.Model):
    """A reasoned join of two identifiers. Never deleted: retracted, with a reason."""

    class Origin(models.IntegerChoices):
        ASSERTED = 0
        OBSERVED = 1
        MATCHED = 2

    pk = models.CompositePrimaryKey("a", "b", "origin")
    a = models.BigIntegerField()
    b = models.BigIntegerField()
    origin = models.SmallIntegerField(choices=Origin.choices)
    basis = models.TextField()
    confidence = models.FloatField(null=True)
    evidence = models.JSONField(null=True)
    first_at = models.DateTimeField()
    retracted_at = models.DateTimeField(null=True)
    retracted_by = models.TextField(default="", blank=True)
    retracted_reason = models.TextField(default="", blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(a__lt=F("b")), name="link_ends_ordered")]
        indexes = [models.Index(fields=["b"], name="link_b")]

    def __str__(self) -> str:
        return f"{self.a}-{self.b} ({self.get_origin_display()})"


class CannotLink(models.Model):
    """A reasoned ban: these two identifiers are never one person."""

    pk = models.CompositePrimaryKey("a", "b")
    a = models.BigIntegerField()
    b = models.BigIntegerField()
    by = models.TextField()
    reason = models.TextField(default="", blank=True)
    made_at = models.DateTimeField()
    retracted_at = models.DateTimeField(null=True)
    retracted_by = models.TextField(default="", blank=True)

    class Meta:
        db_table = "identity_cannotlink"
        constraints = [models.CheckConstraint(condition=Q(a__lt=F("b")), name="cannotlink_ends_ordered")]
        indexes = [models.Index(fields=["b"], name="cannotlink_b")]

    def __str__(self) -> str:
        return f"{self.a} is not {self.b}"


class Refusal(models.Model):
    """A link that holds no profile together, and why. Derived, like the profile ids: a rebuild writes the same rows."""

    pk = models.CompositePrimaryKey("a", "b")
    a = models.BigIntegerField()
    b = models.BigIntegerField()
    reason = models.TextField()
    detail = models.TextField(default="", blank=True)

    class Meta:
        indexes = [models.Index(fields=["b"], name="refusal_b")]

    def __str__(self) -> str:
        return f"{self.a}-{self.b} refused: {self.reason} {self.detail}"


class Claim(models.Model):
    """What one source last said of one identifier about one trait. Merging never rewrites it."""

    pk = models.CompositePrimaryKey("identifier_id", "key", "source_id")
    identifier_id = models.BigIntegerField()
    key = models.TextField(db_collation="C")
    source_id = models.IntegerField()
    value = models.JSONField()
    observed_at = models.DateTimeField()
    tiebreak = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.identifier_id} {self.key}"


class Consent(models.Model):
    """What was said about one purpose, with its evidence. Append-only: a row never says something else, only the time
    of its latest repeat moves on (the database refuses more), and erasure deletes it."""

    identifier_id = models.BigIntegerField()
    purpose = models.TextField()
    channel = models.TextField(blank=True)
    granted = models.BooleanField()
    said_at = models.DateTimeField()
    repeated_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source_id = models.IntegerField()
    means = models.TextField()
    text_version = models.IntegerField(null=True)
    evidence = models.TextField(blank=True)
    by = models.TextField(blank=True)
    ip = models.TextField(blank=True)
    message_id = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["identifier_id", "purpose"], name="consent_identifier")]

    def __str__(self) -> str:
        return f"{self.identifier_id} {self.purpose}: {self.granted}"


class Profile(models.Model):
    """One live person; the id is that of the founding identifier. Traits are reconciled from claims."""

    id = models.BigIntegerField(primary_key=True)
    traits = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.id)


class PolicyVersion(models.Model):
    """One version of the policy. At most one is active; without any the built-in defaults hold as version 0."""

    version = models.AutoField(primary_key=True)
    spec = models.JSONField()
    active = models.BooleanField(default=False)
    note = models.TextField(default="", blank=True)
    created_at = models.DateTimeField()
    created_by = models.TextField(default="", blank=True)
    figures = models.JSONField(default=dict)

    class Meta:
        db_table = "identity_policy"
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="policy_one_active"),
        ]

    def __str__(self) -> str:
        return f"policy {self.version}"


class Decision(models.Model):
    """What a steward decided, and exactly what it changed, so that it can be undone."""

    class Kind(models.TextChoices):
        MERGE = "merge"
        SPLIT = "split"
        ASSERT = "assert"
        RETRACT = "retract"
        REVIEW = "review"

    kind = models.TextField(choices=Kind.choices)
    profile_ids = ArrayField(models.BigIntegerField())
    by = models.TextField()
    reason = models.TextField(default="", blank=True)
    made_at = models.DateTimeField()
    effects = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.TextField(default="", blank=True)

    def __str__(self) -> str:
        return f"{self.kind} by {self.by}"


class ReviewPair(models.Model):
    """Two identifiers that linkage is in doubt about: a person decides."""

    class State(models.TextChoices):
        OPEN = "open"
        MATCH = "match"
        NO_MATCH = "no_match"
        UNSURE = "unsure"

    a = models.BigIntegerField()
    b = models.BigIntegerField()
    probability = models.FloatField()
    weights = models.JSONField(default=dict)
    state = models.TextField(choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField()
    decided_by = models.TextField(default="", blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_reviewpair"
        constraints = [
            models.UniqueConstraint(fields=["a", "b"], name="reviewpair_once"),
            models.CheckConstraint(condition=Q(a__lt=F("b")), name="reviewpair_ends_ordered"),
        ]
        indexes = [
            models.Index(fields=["state", "-probability", "id"], name="reviewpair_queue"),
            models.Index(fields=["b"], name="reviewpair_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.a}?{self.b} {self.probability:.3f}"


# The tables of linkage belong to this app; Django finds models only here.
from identity.linkage.models import (  # noqa: E402
    BlockCount,
    BlockingKey,
    BulkRun,
    FullBlock,
    LinkageModel,
    LinkageRecord,
    LinkageState,
    RunLink,
)

__all__ = [
    "BlockCount", "BlockingKey", "BulkRun", "CannotLink", "Claim", "Consent", "Decision", "FullBlock", "Identifier",
    "Link", "LinkageModel", "LinkageRecord", "LinkageState", "PolicyVersion", "Profile", "Refusal", "ReviewPair",
    "RunLink",
]  # fmt: skip
