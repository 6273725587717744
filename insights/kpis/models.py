"""Tables of KPIs. Sums of days and notes of those who work here: nothing of a person."""

from django.db import models


class Annotation(models.Model):
    """Something that happened here, for the time line of the charts. `key` makes telling it twice one row."""

    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=20)
    text = models.CharField(max_length=300)
    link = models.CharField(max_length=300, blank=True)
    key = models.CharField(max_length=200, null=True, unique=True)  # noqa: DJ001 - notes of people have none
    made_by = models.CharField(max_length=254)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.text


class KpiDay(models.Model):
    """What was counted of one day: of everybody, or of one value of a breakdown."""

    day = models.DateField()
    by = models.CharField(max_length=8, blank=True)
    key = models.CharField(max_length=20, blank=True)
    people = models.BigIntegerField(default=0)
    people_7d = models.BigIntegerField(default=0)
    people_30d = models.BigIntegerField(default=0)
    people_before = models.BigIntegerField(default=0)
    people_kept = models.BigIntegerField(default=0)
    events = models.BigIntegerField(default=0)
    visits = models.BigIntegerField(default=0)
    visit_seconds = models.BigIntegerField(default=0)
    visitors = models.BigIntegerField(default=0)
    converted = models.BigIntegerField(default=0)
    orders = models.BigIntegerField(default=0)
    repeat_orders = models.BigIntegerField(default=0)
    micros = models.DecimalField(max_digits=30, decimal_places=0, default=0)
    nps_answers = models.BigIntegerField(default=0)
    nps_balance = models.BigIntegerField(default=0)
    csat_answers = models.BigIntegerField(default=0)
    csat_satisfied = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["by", "key", "day"], name="insights_kpiday_unique")]

    def __str__(self) -> str:
        return f"{self.day} {self.by} {self.key}"


class KpiState(models.Model):
    """One row: up to which receipt the log is counted, by which meaning of an order, and when all of it last was."""

    counted_with = models.JSONField(default=dict)
    seen_until = models.DateTimeField()
    whole_at = models.DateTimeField()
    counted_at = models.DateTimeField()
    currency = models.CharField(max_length=40, blank=True, default="", db_default="")

    def __str__(self) -> str:
        return f"counted {self.counted_at}"


class KpiBaseline(models.Model):
    """The sums of a period that others are held against, kept as they were then."""

    name = models.CharField(max_length=80, unique=True)
    first = models.DateField()
    last = models.DateField()
    sums = models.JSONField()
    kept_by = models.CharField(max_length=254)
    kept_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
