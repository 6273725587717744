"""Limits that people set."""

from django.db import models


class FreshnessLimit(models.Model):
    """At least one event within so many minutes, counted in the hours and on the weekdays that are said. An empty name
    stands for any event of the source."""

    source_id = models.IntegerField()
    name = models.TextField(blank=True)
    minutes = models.IntegerField()
    # ISO weekdays, 1 is Monday; empty: every day. Hours of the day in the zone; equal: the whole day.
    weekdays = models.JSONField(default=list)
    from_hour = models.IntegerField(default=0)
    to_hour = models.IntegerField(default=0)
    time_zone = models.CharField(max_length=64, default="UTC")
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source_id", "name"], name="limit_once")]

    def __str__(self) -> str:
        return f"{self.source_id} {self.name}: {self.minutes}"
