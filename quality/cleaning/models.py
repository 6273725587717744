"""Cleaning rules with their versions, what they did, lists and rates they use, and what waits for a person."""

from django.db import models


class CleaningRule(models.Model):
    """A rule in its place among the others. A draft was never on."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ON = "on", "On"
        OFF = "off", "Off"

    name = models.CharField(max_length=200)
    source_id = models.IntegerField(null=True)
    scope = models.CharField(max_length=12)
    event = models.TextField(blank=True)
    path = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=20)
    settings = models.JSONField(default=dict)
    then = models.CharField(max_length=12)
    instead = models.JSONField(null=True)
    # Where it holds; nothing: everywhere.
    when = models.JSONField(null=True)
    position = models.IntegerField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.DRAFT)
    version = models.IntegerField(default=1)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class CleaningVersion(models.Model):
    """A rule as it was. The highest id tells whoever keeps the rules in memory that they changed."""

    rule_id = models.BigIntegerField(db_index=True)
    version = models.IntegerField()
    position = models.IntegerField()
    state = models.CharField(max_length=8)
    definition = models.JSONField()
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.version}"


class CleaningEffect(models.Model):
    """How often a rule did one thing on one day, with the last few values before and after."""

    day = models.DateField()
    rule_id = models.BigIntegerField()
    source_id = models.IntegerField()
    name = models.TextField()
    pointer = models.TextField()
    outcome = models.CharField(max_length=12)
    version = models.IntegerField()
    count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    samples = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["day", "rule_id", "source_id", "name", "pointer", "outcome"], name="effect_once_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule_id} {self.outcome} {self.day}"


class ReferenceList(models.Model):
    """Values that others are held against."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    values = models.JSONField(default=list)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class Rate(models.Model):
    """Units of a currency for one euro on a day."""

    currency = models.CharField(max_length=3)
    day = models.DateField()
    per_euro = models.DecimalField(max_digits=20, decimal_places=8)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "currency"], name="rate_once_a_day")]

    def __str__(self) -> str:
        return f"{self.currency} {self.day}"


class RateImport(models.Model):
    """A file of rates that was taken in."""

    name = models.CharField(max_length=200)
    rates = models.IntegerField()
    first = models.DateField()
    last = models.DateField()
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class ReviewItem(models.Model):
    """A value that a person looks at. The value itself stands in the quarantined item, and only there."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACCEPTED = "accepted", "Accepted"
        CORRECTED = "corrected", "Corrected"
        REJECTED = "rejected", "Rejected"

    rule_id = models.BigIntegerField()
    source_id = models.IntegerField()
    name = models.TextField()
    pointer = models.TextField()
    message_id = models.TextField()
    quarantined_id = models.BigIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    corrected = models.JSONField(null=True)
    at = models.DateTimeField()
    settled_by = models.CharField(max_length=254, blank=True)
    settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source_id", "message_id", "rule_id", "pointer"], name="review_once")
        ]
        indexes = (models.Index(fields=["state", "id"], name="review_by_state"),)

    def __str__(self) -> str:
        return f"{self.pointer} of {self.message_id}"
