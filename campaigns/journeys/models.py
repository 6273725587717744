"""Campaigns, their versions, and who is where in them. People are named by the founding identifier of the profile that
entered, which goes along when people are merged and parted; erasure takes all of it away."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Campaign(models.Model):
    """A campaign. `draft` is edited; people enter on the newest version and finish on the one they entered on."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        RUNNING = "running", "Running"
        PAUSED = "paused", "Paused"
        STOPPED = "stopped", "Stopped"
        FINISHED = "finished", "Finished"

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    owner = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    draft = models.JSONField()
    version = models.IntegerField(default=0)
    # What draws are made from, and what calls are signed with (encrypted).
    seed = models.CharField(max_length=40)
    secret = models.TextField()
    source_id = models.IntegerField()
    # Events of any version that somebody may still be on.
    listens = ArrayField(models.TextField(), default=list)
    # How far the ledger was read, for entry by segment.
    cursor_seq = models.BigIntegerField(default=0)
    # A start that waits for a second person, and whom it would reach.
    asked = models.JSONField(null=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["state"], name="campaign_running", condition=models.Q(state="running"))]

    def __str__(self) -> str:
        return self.slug


class CampaignVersion(models.Model):
    """What a campaign did from then on. Never changes."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+")
    number = models.IntegerField()
    spec = models.JSONField()
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "number"], name="campaign_version_unique")]

    def __str__(self) -> str:
        return f"{self.campaign_id} v{self.number}"


class Occurrence(models.Model):
    """One time of a broadcast: its members are those of one version of the ledger."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    at_seq = models.BigIntegerField()
    after_profile = models.BigIntegerField(default=0)
    entered = models.IntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "at"], name="campaign_occurrence_unique")]

    def __str__(self) -> str:
        return f"{self.campaign_id} at {self.at}"


class Instance(models.Model):
    """One journey. `round` counts those of the same person and key, so that no trigger can make one twice."""

    class State(models.TextChoices):
        ACTIVE = "active", "Under way"
        FINISHED = "finished", "Finished"
        GOAL = "goal", "Reached the goal"
        LEFT = "left", "Left"
        HELD_OUT = "held_out", "Held out"
        STOPPED = "stopped", "Stopped"
        MERGED = "merged", "Merged into another"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    version = models.IntegerField()
    person_id = models.BigIntegerField()
    key = models.TextField(blank=True, default="")
    round = models.IntegerField(default=0)
    state = models.CharField(max_length=10, choices=State.choices)
    step = models.CharField(max_length=40, blank=True, default="")
    lane = models.CharField(max_length=10, blank=True, default="")
    acted = models.BooleanField(default=False)
    reached = models.BooleanField(default=False)
    tries = models.IntegerField(default=0)
    problem = models.TextField(blank=True, default="")
    entered_at = models.DateTimeField()
    arrived_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "person_id", "key", "round"], name="campaign_instance_unique"),
        ]
        indexes = [
            models.Index(fields=["lane", "due_at"], name="campaign_instance_due", condition=models.Q(state="active")),
            models.Index(fields=["person_id"], name="campaign_instance_person"),
            models.Index(fields=["campaign", "state", "step"], name="campaign_instance_step"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.person_id} {self.key}"


class Passage(models.Model):
    """Somebody passed a step."""

    instance = models.ForeignKey(Instance, on_delete=models.CASCADE, related_name="+", db_constraint=False)
    campaign_id = models.BigIntegerField()
    step = models.CharField(max_length=40)
    way = models.CharField(max_length=60)
    arrived_at = models.DateTimeField()
    left_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["campaign_id", "step"], name="campaign_passage_step")]

    def __str__(self) -> str:
        return f"{self.instance_id} {self.step}: {self.way}"


class Trigger(models.Model):
    """An event that a campaign listens to, from the batch that applied it until it was looked at."""

    name = models.TextField()
    identifier_id = models.BigIntegerField()
    at = models.DateTimeField()
    properties = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"{self.name} of {self.identifier_id}"
