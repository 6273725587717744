"""Tables of predictions. None holds a person: a model is weights or trees, a figure is a count or a share."""

from django.db import models


class Prediction(models.Model):
    """What is predicted, of whom and how."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    spec = models.JSONField()
    made_by = models.CharField(max_length=254)
    made_at = models.DateTimeField()

    class Meta:
        app_label = "insights"

    def __str__(self) -> str:
        return self.slug


class PredictionModel(models.Model):
    """A trained version as JSON, with the SHA-256 of its bytes: what does not match is not used."""

    class Status(models.TextChoices):
        CHAMPION = "champion"
        CHALLENGER = "challenger"
        ARCHIVED = "archived"

    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey("insights.Run", on_delete=models.CASCADE, related_name="+")
    version = models.IntegerField()
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.CHALLENGER)
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    figures = models.JSONField(default=dict)
    made_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True)

    class Meta:
        app_label = "insights"
        constraints = [
            models.UniqueConstraint(fields=["prediction", "version"], name="insights_prediction_version"),
            models.UniqueConstraint(
                fields=["prediction"], condition=models.Q(status="champion"), name="insights_prediction_champion"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prediction_id} version {self.version}"


class OnlineModel(models.Model):
    """The model of a prediction that learns of each day, beside the version `base`: weights as JSON with the SHA-256 of
    their bytes, and how it does. `cutoff`: the last day that it learned of. Of one prediction there is one."""

    prediction = models.OneToOneField(Prediction, on_delete=models.CASCADE, related_name="+")
    base = models.ForeignKey(PredictionModel, on_delete=models.CASCADE, related_name="+")
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    state = models.JSONField(default=dict)
    cutoff = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        app_label = "insights"

    def __str__(self) -> str:
        return f"{self.prediction_id} online"
