"""What was asked for."""

from django.db import models


class FeatureFile(models.Model):
    """A file of features of many people at an instant. Its content is gone a week later, or when anybody is erased."""

    class State(models.TextChoices):
        WAITING = "waiting"  # or under way: whoever works at it holds its lock
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    features = models.JSONField()
    as_of = models.DateTimeField()
    segment_id = models.IntegerField(default=0)
    label_days = models.IntegerField(default=0)
    # Whether texts are in it as they are; otherwise those that look personal are masked.
    personal = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    job_id = models.BigIntegerField()
    file_id = models.BigIntegerField(null=True)
    rows = models.IntegerField(null=True)
    size = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    requested_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(state="waiting"), name="insights_file_waiting")]

    def __str__(self) -> str:
        return f"features {self.pk}"
