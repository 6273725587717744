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
    # A document of the inbox that cannot be read any more, byte for byte; `item` is then what can be read of it.
    raw = models.BinaryField(null=True)
    # What was sent in its place, when somebody edited it; `item` stays as it came.
    replayed_as = models.TextField(blank=True, default="", db_default="")
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
    # Dropped, because the source asks for a consent that was not given.
    unconsented = models.BigIntegerField(default=0, db_default=0)
    # Dropped, because robots sent them.
    robots = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["hour", "source_id"], name="tally_hour_source_unique"),)

    def __str__(self) -> str:
        return f"{self.source_id} {self.hour:%Y-%m-%d %H}"


class Replay(models.Model):
    """Something that is to go through once more: items of the quarantine, or events of the log. `position` moves in the
    very transaction that replays."""

    class Of(models.TextChoices):
        QUARANTINE = "quarantine", "Items of the quarantine"
        LOG = "log", "Events of the log"

    class State(models.TextChoices):
        WAITING = "waiting"  # or under way: whoever works at it holds its lock
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    of = models.CharField(max_length=12, choices=Of.choices)
    # What is chosen; whoever is looked for by an identifier is forgotten at the end.
    fits = models.JSONField(default=dict)
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    position = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    job_id = models.BigIntegerField()
    error = models.TextField(blank=True)
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["id"], condition=models.Q(state="waiting"), name="replay_waiting"),)

    def __str__(self) -> str:
        return f"{self.of} {self.state}"


class Retention(models.Model):
    """How long events of one kind are kept; what is empty asks nothing. The most specific rule decides."""

    event = models.TextField(blank=True)
    source_id = models.IntegerField(null=True)
    # Events of people who did not agree to this purpose.
    purpose = models.TextField(blank=True)
    days = models.IntegerField(null=True)  # none: for good
    note = models.TextField(blank=True)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["event", "source_id", "purpose"], nulls_distinct=False, name="retention_rule_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.event or 'everything'}: {self.days}"
