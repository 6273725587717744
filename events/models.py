"""Tables of the inbox and the log that Django manages. The partitioned ones are made by SQL in the migrations."""

from django.db import models


class QuarantinedItem(models.Model):
    """An item that was refused at the door or could not be applied: kept whole, with the reason, for replay."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        REPLAYED = "replayed", "Replayed"
        DISCARDED = "discarded", "Discarded"

    source_id = models.IntegerField(null=True)
    received_at = models.DateTimeField()
    stage = models.CharField(max_length=16)
    reason = models.CharField(max_length=64)
    detail = models.TextField(blank=True)
    message_id = models.TextField(blank=True)
    item = models.TextField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=254, blank=True)

    class Meta:
        indexes = (models.Index(fields=["state", "-id"], name="quarantine_by_state"),)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message_id}"


class Tally(models.Model):
    """What became of the items of one source in one hour (of receipt)."""

    source_id = models.IntegerField()
    hour = models.DateTimeField()
    applied = models.BigIntegerField(default=0)
    duplicates = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    # Dropped, because they carry an identifier that must not be stored.
    suppressed = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["hour", "source_id"], name="tally_hour_source_unique"),)

    def __str__(self) -> str:
        return f"{self.source_id} {self.hour:%Y-%m-%d %H}"
