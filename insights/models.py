"""Tables of insights. Columns and constraints only. None here holds a person: models are centres and limits, figures
are counts, and what was computed of somebody is a claim in identity; what is kept of tastes is in `recommendations`."""

from django.db import models

from insights.engagement.models import EngagementVersion
from insights.funnels.models import Funnel
from insights.keeping.models import Keeping, KeptFeature, Touched
from insights.kpis.models import Annotation, KpiBaseline, KpiDay, KpiState
from insights.lifetime.models import LifetimeModel, LifetimeSetting
from insights.predictions.models import OnlineModel, Prediction, PredictionModel
from insights.recommendations.models import Item, RecommendationSetting, Recommender, Taste
from insights.tables.models import FeatureFile

__all__ = [
    "Annotation", "Clustering", "DeclaredFeature", "EngagementVersion", "FeatureFile", "Funnel", "Item", "Keeping",
    "KeptFeature", "KpiBaseline", "KpiDay", "KpiState", "LifetimeModel", "LifetimeSetting", "Model", "OnlineModel",
    "Prediction", "PredictionModel", "RecommendationSetting", "Recommender", "Run", "Setting", "Taste", "Touched",
]  # fmt: skip


class Setting(models.Model):
    """What an order is here. One row; none while the defaults hold."""

    orders = models.JSONField(default=dict)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return "what an order is"


class DeclaredFeature(models.Model):
    """A feature that somebody declared. `left` and `right` name the two that it is made of, if it is."""

    name = models.CharField(max_length=60, unique=True)
    title = models.CharField(max_length=120, blank=True)
    description = models.TextField(blank=True)
    owner = models.CharField(max_length=200, blank=True)
    measure = models.CharField(max_length=16)
    event = models.TextField(blank=True)
    property = models.TextField(blank=True)
    window_days = models.IntegerField(null=True)
    left = models.CharField(max_length=60, blank=True, default="", db_default="")
    right = models.CharField(max_length=60, blank=True, default="", db_default="")
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Clustering(models.Model):
    """What is grouped, by which features and how. `names` are those that people gave to cluster ids; `next_id` is
    never given back, so an id means one group for ever."""

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    spec = models.JSONField()
    names = models.JSONField(default=dict)
    next_id = models.IntegerField(default=1)
    every_days = models.IntegerField(null=True)
    made_by = models.CharField(max_length=254)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class Run(models.Model):
    """One computation over the whole base: waiting, or under way for whoever holds its lock, until it ends."""

    class Kind(models.TextChoices):
        RFM = "rfm"
        CLUSTERS = "clusters"
        COHORTS = "cohorts"
        RECOMMENDATIONS = "recommendations"
        TRAINING = "training"
        SCORING = "scoring"
        LIFETIME = "lifetime"
        ENGAGEMENT = "engagement"
        ONLINE = "online"
        SENTIMENT = "sentiment"

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=16, choices=Kind.choices)
    clustering = models.ForeignKey(Clustering, on_delete=models.CASCADE, null=True, related_name="+")
    prediction = models.ForeignKey(Prediction, on_delete=models.CASCADE, null=True, related_name="+")
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    as_of = models.DateTimeField()
    orders = models.JSONField(default=dict)
    figures = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    job_id = models.BigIntegerField(null=True)
    requested_by = models.CharField(max_length=254)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(state="waiting"), name="insights_run_waiting")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"


class Model(models.Model):
    """A fitted model as JSON, with the SHA-256 of its bytes: what does not match is not used."""

    clustering = models.ForeignKey(Clustering, on_delete=models.CASCADE, related_name="+")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="+")
    version = models.IntegerField()
    live = models.BooleanField(default=False)
    body = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    figures = models.JSONField(default=dict)
    made_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clustering", "version"], name="insights_model_version"),
            models.UniqueConstraint(fields=["clustering"], condition=models.Q(live=True), name="insights_model_live"),
        ]

    def __str__(self) -> str:
        return f"{self.clustering_id} version {self.version}"
