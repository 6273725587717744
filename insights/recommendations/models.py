"""Tables of recommendations. Columns and constraints only."""

from django.db import models


class Item(models.Model):
    """One item that can be offered. What was stated holds over what events tell of it."""

    key = models.CharField(max_length=200, unique=True)
    name = models.CharField(max_length=300, blank=True)
    category = models.CharField(max_length=200, blank=True)
    price = models.FloatField(null=True)
    image_url = models.CharField(max_length=1000, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    in_stock = models.BooleanField(default=True)
    attributes = models.JSONField(default=dict)
    stated = models.BooleanField(default=False)
    updated_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["-updated_at", "-id"], name="insights_item_newest")]

    def __str__(self) -> str:
        return self.key


class RecommendationSetting(models.Model):
    """What tells of interest, and the rules. One row; none while the defaults hold."""

    body = models.JSONField(default=dict)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return "what is recommended"


class Recommender(models.Model):
    """One version: factors, neighbours and what is popular as plain arrays, with the SHA-256 of their bytes."""

    run = models.ForeignKey("insights.Run", on_delete=models.CASCADE, related_name="+")
    version = models.IntegerField(unique=True)
    live = models.BooleanField(default=False)
    as_of = models.DateTimeField()
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    figures = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["live"], condition=models.Q(live=True), name="insights_recommender_live")
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class Taste(models.Model):
    """One person as a version knows them: a vector of float32, and the ids of items (int64) that they have or touched
    last. `digest` is the SHA-256 of the three together."""

    profile_id = models.BigIntegerField(primary_key=True)
    version = models.IntegerField()
    vector = models.BinaryField()
    consumed = models.BinaryField()
    latest = models.BinaryField()
    digest = models.BinaryField()

    def __str__(self) -> str:
        return str(self.profile_id)
