"""The ledger of sends and what decides about them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Send(models.Model):
    """One message to one person, decided once. It hangs on an identifier, as events do: on the address it goes to, or
    for channels without one on the profile's founding identifier. Whoever has the identifier has its history, whatever
    merges and unmerges there are. The address itself is not here: it is looked up when the message goes out."""

    class State(models.TextChoices):
        QUEUED = "queued"
        CLAIMED = "claimed"
        HANDING = "handing"
        SENT = "sent"
        UNKNOWN = "unknown"
        FAILED = "failed"
        SKIPPED = "skipped"
        CANCELLED = "cancelled"

    origin = models.CharField(max_length=100)
    version = models.IntegerField()
    instance = models.CharField(max_length=200)
    step = models.CharField(max_length=100)
    identifier_id = models.BigIntegerField()
    # A keyed digest of channel and address.
    contact = models.BinaryField()
    channel = models.CharField(max_length=16)
    template_id = models.BigIntegerField()
    template_version = models.IntegerField()
    message_class = models.CharField(max_length=16)
    purpose = models.CharField(max_length=64, blank=True)
    group = models.CharField(max_length=64, blank=True)
    variables = models.JSONField(default=dict)
    priority = models.IntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices)
    reason = models.CharField(max_length=40, blank=True, default="")
    requested_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    send_by = models.DateTimeField(null=True)
    attempts = models.IntegerField(default=0)
    claim = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    # When a worker began to hand it over: what caps count from.
    handed_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    # What a provider knows it by, and by what it tells a repeat.
    key = models.UUIDField(default=uuid.uuid4)
    provider_id = models.CharField(max_length=200, blank=True, default="")
    error = models.CharField(max_length=500, blank=True, default="")
    # What an in-app message says; others are not kept.
    content = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["origin", "version", "instance", "step", "contact"], name="send_once"
            ),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["identifier_id"], name="send_identifier"),
            models.Index(
                fields=["channel", "-priority", "due_at"], name="send_due", condition=Q(state="queued")
            ),
            models.Index(fields=["lease_until"], name="send_leased", condition=Q(state__in=["claimed", "handing"])),
            models.Index(fields=["state", "-id"], name="send_state"),
            # By what a provider tells of a try without an answer.
            models.Index(
                fields=["key"], name="send_doubtful",
                condition=Q(state__in=["unknown", "handing"]) | Q(state="queued", attempts__gt=0),
            ),
            models.Index(fields=["template_id", "-id"], name="send_template"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.origin} {self.step}: {self.state}"


class SendingChannel(models.Model):
    """A channel that is set up: its provider, settings, and secrets (encrypted)."""

    channel = models.CharField(max_length=16, unique=True)
    provider = models.CharField(max_length=32)
    settings = models.JSONField(default=dict)
    secrets = models.TextField(blank=True, default="")
    paused = models.BooleanField(default=False)
    pause_reason = models.TextField(blank=True, default="")
    rest_until = models.DateTimeField(null=True)
    # At most so many are handed over a second; None: as fast as the provider takes them.
    per_second = models.FloatField(null=True)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.channel} by {self.provider}"


class SendingPolicy(models.Model):
    """What holds for all sends. One row."""

    quiet_from = models.IntegerField(default=21 * 60)
    quiet_until = models.IntegerField(default=8 * 60)
    zone = models.CharField(max_length=64, default="UTC")
    holdout = models.IntegerField(default=0)
    seed = models.CharField(max_length=40)
    caps = models.JSONField(default=list)
    track_opens = models.BooleanField(default=True)
    track_clicks = models.BooleanField(default=True)
    source_id = models.IntegerField(null=True)
    changed_by = models.CharField(max_length=254, blank=True, default="")
    changed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"sending policy {self.pk}"


class SubscriptionGroup(models.Model):
    """What people can subscribe to. What they chose is kept as consents under its key."""

    key = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True, default="")
    channels = ArrayField(models.CharField(max_length=16))
    opt_out = models.BooleanField(default=False)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.key


class SuppressedContact(models.Model):
    """An address that must not be used any more. By a keyed digest, so that the list names nobody."""

    contact = models.BinaryField(unique=True)
    channel = models.CharField(max_length=16)
    reason = models.CharField(max_length=40)
    by = models.CharField(max_length=254)
    at = models.DateTimeField()
    # When a person allowed it again; what failed before that does not count.
    lifted_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.channel}: {self.reason}"


class PushSubscription(models.Model):
    """A browser that takes web push (RFC 8030), hung on the identifier that subscribed. `secret` holds endpoint and
    keys, encrypted; whoever has them can push."""

    identifier_id = models.BigIntegerField()
    contact = models.BinaryField(unique=True)
    secret = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["identifier_id"], name="push_subscription_identifier")]

    def __str__(self) -> str:
        return f"subscription {self.pk} of {self.identifier_id}"
