"""All tables of this app: who must not be stored, who asked to be erased or told, and the key that signs receipts."""

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
        FAILED = "failed", "failed"

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
