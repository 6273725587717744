"""Tables of customer lifetime value. Columns only."""

from django.db import models


class LifetimeSetting(models.Model):
    """How far ahead is looked. One row; none while the default holds."""

    horizon_days = models.IntegerField()
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.horizon_days} days"
