"""What becomes of personal data in properties of a source."""

from django.db import models


class PersonalBlock(models.Model):
    """For each class what becomes of it: allow, flag, mask, drop or quarantine."""

    source_id = models.IntegerField(unique=True)
    classes = models.JSONField(default=dict)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"source {self.source_id}"
