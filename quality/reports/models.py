"""Reports as they were written; what they tell does not change any more."""

from django.db import models


class PlanReport(models.Model):
    """One owner's planned events in one month (its first day)."""

    month = models.DateField()
    owner = models.CharField(max_length=200, blank=True)
    events = models.JSONField(default=list)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["month", "owner"], name="report_once")]

    def __str__(self) -> str:
        return f"{self.owner or 'nobody'} {self.month:%Y-%m}"
