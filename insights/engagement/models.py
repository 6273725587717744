"""Tables of the engagement score. Columns and constraints only; none holds a person."""

from django.db import models


class EngagementVersion(models.Model):
    """Weights that somebody chose. The newest is in force; version 1 is what is shipped and has no row."""

    version = models.IntegerField(unique=True)
    parts = models.JSONField()
    made_by = models.CharField(max_length=254)
    made_at = models.DateTimeField()

    class Meta:
        app_label = "insights"

    def __str__(self) -> str:
        return f"version {self.version}"
