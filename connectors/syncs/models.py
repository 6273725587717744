"""Syncs, their runs, what was sent, and what is to be sent."""

from django.db import models

from connectors.destinations.models import Destination


class Sync(models.Model):
    """A segment joined to a destination. Reads the ledger from its own cursor."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    name = models.CharField(max_length=120)
    # No foreign key: the segment's row belongs to another app.
    segment_id = models.IntegerField(db_index=True)
    destination = models.ForeignKey(Destination, on_delete=models.PROTECT, related_name="+")
    action = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    # "profile": one row a person; else one row for each identifier of this kind.
    identifier_kind = models.CharField(max_length=64, default="profile")
    # The purposes for which somebody must have consented to be sent, with commas between; empty asks for none.
    consent = models.CharField(max_length=400, blank=True)
    # The channel for which consent must hold; empty: what was said of all channels.
    consent_channel = models.CharField(max_length=64, blank=True, default="", db_default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    state_reason = models.TextField(blank=True)
    # Everything in the ledger up to here has become deliveries.
    cursor_seq = models.BigIntegerField(default=0)
    guard_percent = models.IntegerField(default=30)
    guard_rows = models.IntegerField(default=1000)
    resync_wanted = models.BooleanField(default=True)
    resync_every_hours = models.IntegerField(null=True, blank=True, default=24)
    last_resync_at = models.DateTimeField(null=True, blank=True)
    last_worked_at = models.DateTimeField(null=True, blank=True)
    last_delivered_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="sync_name_unique")]

    def __str__(self) -> str:
        return self.name


class Run(models.Model):
    """One stretch of the ledger, or one comparison with the whole segment, as it was planned and sent."""

    class Kind(models.TextChoices):
        CHANGES = "changes"
        RESYNC = "resync"
        TEST = "test"  # one person, sent by hand

    class State(models.TextChoices):
        PLANNING = "planning"
        NEEDS_APPROVAL = "needs_approval"
        SENDING = "sending"
        DONE = "done"
        DECLINED = "declined"

    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PLANNING)
    from_seq = models.BigIntegerField()
    until_seq = models.BigIntegerField()
    # What the guard counted before anything was planned (people, not rows).
    expected_adds = models.IntegerField(default=0)
    expected_removes = models.IntegerField(default=0)
    sent_before = models.IntegerField(default=0)
    added = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    removed = models.IntegerField(default=0)
    skipped = models.IntegerField(default=0)
    skip_reasons = models.JSONField(default=dict)
    added_ok = models.IntegerField(default=0)
    changed_ok = models.IntegerField(default=0)
    removed_ok = models.IntegerField(default=0)
    added_failed = models.IntegerField(default=0)
    changed_failed = models.IntegerField(default=0)
    removed_failed = models.IntegerField(default=0)
    # Tries that were followed by another one of the same row.
    retried = models.IntegerField(default=0, db_default=0)
    # What reading back found before a full comparison; None where the channel was not asked.
    forgotten = models.IntegerField(null=True)
    foreign = models.IntegerField(null=True)
    read_back_problem = models.TextField(blank=True, default="")
    approved_by = models.CharField(max_length=254, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["sync", "-id"], name="run_by_sync")]
        constraints = [
            # One run is planned at a time: the next one starts where it ended.
            models.UniqueConstraint(
                fields=["sync"],
                condition=models.Q(state__in=["planning", "needs_approval"]),
                name="run_one_open_a_sync",
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class Sent(models.Model):
    """What a channel has, or will have when its queue is empty: one row for each target.

    Keyed by the digest of the target (an identifier, or the profile itself), because a target belongs to one profile at
    a time and changes hands when profiles merge. `removal` holds the key fields, so that a removal can be sent after
    the identifier is gone from the profile.
    """

    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+")
    identifier_hash = models.CharField(max_length=64)
    profile_id = models.BigIntegerField()
    # False: a removal is on its way.
    present = models.BooleanField()
    # Digest of the latest payload on its way or there; "" when it is not known what the channel has.
    payload_hash = models.CharField(max_length=64, blank=True)
    # Digest of the payload that the channel is known to have; "" when it is not known to have any.
    confirmed_hash = models.CharField(max_length=64, blank=True)
    removal = models.JSONField(default=dict)
    label = models.CharField(max_length=200, blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "identifier_hash"], name="sent_target_unique")]
        indexes = [
            models.Index(fields=["sync", "profile_id"], name="sent_by_profile"),
            models.Index(fields=["profile_id"], name="sent_profile"),
        ]

    def __str__(self) -> str:
        return self.label


class Delivery(models.Model):
    """One thing to send. The payload is dropped once delivered; label is masked from the start."""

    class State(models.TextChoices):
        PENDING = "pending"
        IN_FLIGHT = "in_flight"
        DELIVERED = "delivered"
        FAILED = "failed"  # refused for good; the others went on
        DEAD = "dead"  # given up after the last try

    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    profile_id = models.BigIntegerField()
    identifier_hash = models.CharField(max_length=64)
    operation = models.CharField(max_length=8)
    payload = models.JSONField(null=True)
    payload_hash = models.CharField(max_length=64, blank=True)
    label = models.CharField(max_length=200, blank=True)
    # The channel's idempotency key, the same at every try.
    key = models.CharField(max_length=48, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.PENDING)
    attempts = models.IntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    # Names the set of rows that were sent together, kept while that set is retried as a whole.
    batch = models.UUIDField(null=True)
    claim = models.UUIDField(null=True)
    in_flight_since = models.DateTimeField(null=True)
    code = models.CharField(max_length=64, blank=True)
    message = models.TextField(blank=True)
    planned_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["sync", "id"], condition=models.Q(state="pending"), name="delivery_pending"),
            # Without the sync in front, so that each serves one question only and is never taken for the other.
            models.Index(
                fields=["profile_id", "id"],
                condition=models.Q(state__in=["pending", "in_flight"]),
                name="delivery_order_profile",
            ),
            # Of all states: a replay asks whether anything newer was ever sent.
            models.Index(fields=["identifier_hash", "id"], name="delivery_order_target"),
            models.Index(
                fields=["sync", "in_flight_since"], condition=models.Q(state="in_flight"), name="delivery_lease"
            ),
            models.Index(
                fields=["sync", "-id"], condition=models.Q(state__in=["failed", "dead"]), name="delivery_failed"
            ),
            models.Index(fields=["settled_at"], condition=models.Q(state="delivered"), name="delivery_settled"),
        ]

    def __str__(self) -> str:
        return self.key


class Unreached(models.Model):
    """A member who gives the sync no row (no identifier, no consent): looked at again when anything of them changes."""

    id = models.BigAutoField(primary_key=True)
    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+")
    profile_id = models.BigIntegerField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "profile_id"], name="unreached_unique")]

    def __str__(self) -> str:
        return f"{self.profile_id} of sync {self.sync_id}"


class Touched(models.Model):
    """People already sent somewhere whose identifiers or traits changed since: they are compared again."""

    sync = models.ForeignKey(Sync, on_delete=models.CASCADE, related_name="+")
    profile_id = models.BigIntegerField()
    noted_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sync", "profile_id"], name="touched_unique")]

    def __str__(self) -> str:
        return str(self.profile_id)
