"""Bandits and what they have learned. Neither names a person: what people were shown are events of the log."""

from django.db import models


class Bandit(models.Model):
    """Arms that are compared while the better ones are shown more often."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    arms = models.JSONField()
    reward = models.CharField(max_length=200)
    window_hours = models.IntegerField(default=24)
    context = models.JSONField(default=list)
    explore = models.FloatField(default=0.05)
    half_life_hours = models.FloatField(default=0.0)
    seed = models.CharField(max_length=40)
    running = models.BooleanField(default=True)
    source_id = models.IntegerField()
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    # What the last update found, for those who decide: {"at", "posterior": {bucket: {arm: [alpha, beta]}}}.
    learned = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.slug


class BanditCount(models.Model):
    """Of the times an arm was shown in one hour and one bucket of context: how many, and how many were rewarded."""

    bandit = models.ForeignKey(Bandit, on_delete=models.CASCADE, related_name="+")
    hour = models.DateTimeField()
    bucket = models.CharField(max_length=200)
    arm = models.CharField(max_length=40)
    shown = models.IntegerField()
    rewarded = models.IntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["bandit", "hour", "bucket", "arm"], name="bandit_count_once")]

    def __str__(self) -> str:
        return f"{self.bandit_id} {self.arm} {self.hour}"
