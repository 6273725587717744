"""Figures by day, source and event, and the alerts that were raised over them."""

from django.db import models


class DayFigure(models.Model):
    """What became of one event of one source on one day of receipt."""

    day = models.DateField()
    source_id = models.IntegerField()
    name = models.TextField()
    # Items with a new message id; those whose id was seen before; those that only look as if they had come before.
    volume = models.BigIntegerField()
    duplicates = models.BigIntegerField()
    lookalikes = models.BigIntegerField()
    # Of the volume: what rules or the plan looked at, what of that did not hold, and what was set aside.
    judged = models.BigIntegerField()
    faulty = models.BigIntegerField()
    set_aside = models.BigIntegerField()
    # From when it happened to when it came, in all.
    delay_ms = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "source_id", "name"], name="figure_once_a_day")]

    def __str__(self) -> str:
        return f"{self.name} {self.day}"


class DayFill(models.Model):
    """How many events of a day were looked at (the path "") and how many of them had a property with something in
    it."""

    day = models.DateField()
    source_id = models.IntegerField()
    name = models.TextField()
    path = models.TextField()
    count = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "source_id", "day", "path"], name="fill_once_a_day")]

    def __str__(self) -> str:
        return f"{self.name}{self.path} {self.day}"


class QualityAlert(models.Model):
    """Something that is not as it used to be. Whoever has seen it acknowledges it; what passes closes by itself."""

    class Kind(models.TextChoices):
        DROP = "volume_drop", "Fewer events than usual"
        RISE = "volume_rise", "More events than usual"
        LATE = "not_fresh", "No event for too long"
        FAULTY = "more_violations", "More violations than usual"
        EMPTY = "less_filled", "Properties that are less often filled"
        SILENT = "source_silent", "Source is silent"
        LIMIT = "past_limit", "No event within the limit"
        DRIFT = "model_drift", "People are not like those a model was learned of"
        CALIBRATION = "model_calibration", "Scores of a prediction were off"
        ONLINE = "model_online", "A model that learns online fell back or drifted"
        RECOMMENDATIONS = "recommendations", "Recommendations are worse than they were"
        UNREADABLE = "unreadable", "Documents that cannot be read any more"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        CLOSED = "closed", "Closed"

    kind = models.CharField(max_length=20, choices=Kind.choices)
    source_id = models.IntegerField()
    name = models.TextField()
    day = models.DateField()
    told = models.TextField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)
    settled_by = models.CharField(max_length=254, blank=True)
    # Of alerts that another part of the product raised: the page that says more.
    path = models.TextField(blank=True, db_default="", default="")
    # When what was acknowledged passed; what is open closes instead.
    passed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "source_id", "name", "day"], name="alert_once")]
        indexes = (models.Index(fields=["state", "-id"], name="alert_by_state"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.name} {self.day}"
