"""Accounts at channels."""

from django.db import models


class Destination(models.Model):
    """One configured account. Its secrets are one encrypted text; nothing else here is secret."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"

    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=120)
    settings = models.JSONField(default=dict)
    secrets = models.TextField(blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.ACTIVE)
    # Why it is paused, in words for its owner.
    state_reason = models.TextField(blank=True)
    calls_per_second = models.FloatField(null=True, blank=True)
    # The channel asked for a rest, or failed as a whole: nothing is claimed before this instant.
    rest_until = models.DateTimeField(null=True, blank=True)
    failures_in_a_row = models.IntegerField(default=0)
    created_by = models.CharField(max_length=254, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    last_tested_at = models.DateTimeField(null=True, blank=True)
    last_test_result = models.TextField(blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name"], name="destination_name_unique")]

    def __str__(self) -> str:
        return self.name
