"""What was seen, what is planned, what each source does about the difference, and how often there was one."""

from django.db import models


class PlannedEvent(models.Model):
    """An event that somebody decided about."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted", "Accepted"
        IGNORED = "ignored", "Ignored"

    name = models.TextField(unique=True)
    status = models.CharField(max_length=12, choices=Status.choices)
    description = models.TextField(blank=True, default="")
    owner = models.CharField(max_length=200, blank=True, default="")
    # JSON Schema of the properties.
    schema = models.JSONField(default=dict)
    version = models.IntegerField(default=1)
    changed_by = models.CharField(max_length=254)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class PlanVersion(models.Model):
    """A schema that was in force once. Its highest id tells whoever keeps the plan in memory that it changed."""

    name = models.TextField(db_index=True)
    version = models.IntegerField()
    status = models.CharField(max_length=12)
    schema = models.JSONField()
    by = models.CharField(max_length=254)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class Enforcement(models.Model):
    """What becomes of items of one source that do not fit the plan."""

    class Unplanned(models.TextChoices):
        ALLOW = "allow", "Let them in"
        FLAG = "flag", "Let them in, and count them"
        QUARANTINE = "quarantine", "Put them into the quarantine"

    class Invalid(models.TextChoices):
        ALLOW = "allow", "Let them in"
        FLAG = "flag", "Let them in, and count them"
        STRIP = "strip", "Take the properties out that do not fit"
        QUARANTINE = "quarantine", "Put them into the quarantine"

    source_id = models.IntegerField(unique=True)
    unplanned = models.CharField(max_length=12, choices=Unplanned.choices, default=Unplanned.ALLOW)
    invalid = models.CharField(max_length=12, choices=Invalid.choices, default=Invalid.ALLOW)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"source {self.source_id}"


class Violation(models.Model):
    """How often one thing did not fit on one day."""

    source_id = models.IntegerField()
    name = models.TextField()
    kind = models.CharField(max_length=32)
    pointer = models.TextField(blank=True)
    day = models.DateField()
    count = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    # What was found there last, short.
    sample = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "source_id", "name", "kind", "pointer"], name="violation_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.name}{self.pointer}: {self.kind}"


class Observed(models.Model):
    """A property of an event as it came from one source with one JSON type; the path "" is the event itself."""

    source_id = models.IntegerField()
    name = models.TextField()
    path = models.TextField(blank=True)
    type = models.CharField(max_length=8)
    seen = models.BigIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    # Masked when it looks personal.
    example = models.TextField(blank=True)
    pii = models.CharField(max_length=12, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["name", "source_id", "path", "type"], name="observed_once")
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name}/{self.path}: {self.type}"
