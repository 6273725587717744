"""Experiments and what their analyses found. Neither names a person: exposures are events of the log."""

from django.db import models


class Experiment(models.Model):
    """What is compared, for whom, and how it is measured."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        STOPPED = "stopped", "Stopped"

    class Kind(models.TextChoices):
        TEST = "test", "Test"
        HOLDOUT = "holdout", "Holdout"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    hypothesis = models.TextField(blank=True, default="")
    owner = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    # What the draws are made from; another seed draws others.
    seed = models.CharField(max_length=40)
    traffic = models.IntegerField(default=100)
    segment_id = models.IntegerField(null=True)
    variants = models.JSONField()
    metrics = models.JSONField()
    sequential = models.BooleanField(default=True)
    alpha = models.FloatField(default=0.05)
    expected = models.IntegerField(default=5_000)
    winner = models.CharField(max_length=40, blank=True, default="")
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.TEST)
    # How p is adjusted for several comparisons.
    correction = models.CharField(max_length=20, default="holm")
    source_id = models.IntegerField()
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.slug


class ExperimentResult(models.Model):
    """One analysis."""

    experiment = models.ForeignKey(Experiment, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    figures = models.JSONField()

    class Meta:
        indexes = [models.Index(fields=["experiment", "-at"], name="experiment_result_newest")]

    def __str__(self) -> str:
        return f"{self.experiment_id} at {self.at}"
