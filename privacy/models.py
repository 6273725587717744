"""All tables of this app: who must not be stored, who asked to be erased or told, the key that signs receipts, what
data is used for, and which sources ask for consent before they store."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Suppression(models.Model):
    """An identifier that must not be stored. By a keyed digest, so that the list names nobody."""

    class Reason(models.TextChoices):
        ERASED = "erased", "Erased"
        ASKED = "asked", "Asked not to be stored"
        COMPLAINT = "complaint", "Complaint"
        TEST = "test", "Test or staff"

    digest = models.BinaryField(unique=True)
    kind = models.CharField(max_length=64)
    reason = models.CharField(max_length=16, choices=Reason.choices)
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


class ErasureRequest(models.Model):
    """One person's erasure: asked for, done in the stores, confirmed by the channels, receipted."""

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        CHANNELS = "channels", "waiting for channels"
        DONE = "done", "done"

    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    # Numbers only: they lead nowhere once the rows are gone.
    identifier_ids = ArrayField(models.BigIntegerField())
    profile_ids = ArrayField(models.BigIntegerField())
    # Keyed digests of the identifiers, so that whoever knows one can show that it was erased.
    digests = ArrayField(models.CharField(max_length=32))
    suppress = models.BooleanField(default=True)
    requested_by = models.CharField(max_length=254)
    via = models.CharField(max_length=8, default="ui")
    requested_at = models.DateTimeField()
    due_on = models.DateField()
    erased_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)
    channels = models.JSONField(default=list)
    receipt = models.JSONField(null=True)
    error = models.TextField(blank=True, default="")
    job_id = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], name="erasure_open", condition=models.Q(state__in=["waiting", "channels"])
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"erasure {self.pk} {self.state}"


class SigningKey(models.Model):
    """The Ed25519 key that signs receipts, encrypted. Made at its first use."""

    private = models.TextField()
    public = models.TextField()
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.public


class Purpose(models.Model):
    """What data is used for, and by what right."""

    class Basis(models.TextChoices):
        """Article 6(1) of the GDPR, (a) to (f)."""

        CONSENT = "consent", "Consent"
        CONTRACT = "contract", "Contract"
        LEGAL_OBLIGATION = "legal_obligation", "Legal obligation"
        VITAL_INTERESTS = "vital_interests", "Vital interests"
        PUBLIC_TASK = "public_task", "Public task"
        LEGITIMATE_INTERESTS = "legitimate_interests", "Legitimate interests"

    # By which events, traits and syncs name it.
    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True)
    legal_basis = models.CharField(max_length=24, choices=Basis.choices, default=Basis.CONSENT)
    # Whether records of consent keep the address that it was given from.
    keep_ip = models.BooleanField(default=False)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class PurposeText(models.Model):
    """A wording that people were shown, from a moment on. Never changed: another wording is another version."""

    purpose = models.CharField(max_length=64)
    version = models.IntegerField()
    text = models.TextField()
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["purpose", "version"], name="purpose_text_once")]

    def __str__(self) -> str:
        return f"{self.purpose} v{self.version}"


class ConsentGate(models.Model):
    """A source of which nothing is stored without consent to a purpose."""

    source_id = models.IntegerField(unique=True)
    purpose = models.CharField(max_length=64)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"source {self.source_id}: {self.purpose}"
