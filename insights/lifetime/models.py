"""Tables of customer lifetime value. Columns only; none holds a person: a model is trees."""

from django.db import models

from insights.lifetime.contracts import USUAL_CHOICE


class LifetimeSetting(models.Model):
    """How far ahead is looked, and by which method. One row; none while the defaults hold."""

    horizon_days = models.IntegerField()
    # With a default in the database: code from before does not name it.
    method = models.CharField(max_length=16, default=USUAL_CHOICE, db_default=USUAL_CHOICE)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.horizon_days} days"


class LifetimeModel(models.Model):
    """A model of gradient boosting as JSON, with the SHA-256 of its bytes: what does not match is not used."""

    run = models.OneToOneField("insights.Run", on_delete=models.CASCADE, related_name="+")
    version = models.IntegerField(unique=True)
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    figures = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        app_label = "insights"

    def __str__(self) -> str:
        return f"version {self.version}"
