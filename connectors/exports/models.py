"""What was asked for."""

from django.db import models

from connectors.storage.models import StoredFile


class Export(models.Model):
    """One export; its file is gone a week later."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        NDJSON = "ndjson", "NDJSON (JSON lines)"
        PARQUET = "parquet", "Parquet"

    class State(models.TextChoices):
        WAITING = "waiting"  # or under way: whoever works at it holds its lock
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    segment_id = models.IntegerField(db_index=True)
    slug = models.CharField(max_length=80)
    file_format = models.CharField(max_length=8, choices=Format.choices)
    columns = models.JSONField()
    # Whether personal data is in it as it is; otherwise it is masked.
    personal = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    job_id = models.BigIntegerField()
    file = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    # The version of the ledger at which the members were read; None before.
    at_seq = models.BigIntegerField(null=True)
    rows = models.IntegerField(null=True)
    size = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    requested_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=models.Q(state="waiting"), name="export_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.slug}.{self.file_format}"
