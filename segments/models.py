"""Tables of segments. Memberships, counters and the ledger are written by the named statements of `sql.py`."""

from django.db import models
from django.db.models.functions import Now


class Segment(models.Model):
    """A named rule and who answers for it. `rule` and `version` are the live ones."""

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    owner = models.CharField(max_length=200, blank=True, default="")
    review_on = models.DateField(null=True, blank=True)
    # When its owner was last reminded of the review that is due.
    reminded_on = models.DateField(null=True, blank=True)
    rule = models.JSONField()
    version = models.IntegerField(default=1)
    created_by = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    archived_at = models.DateTimeField(null=True, blank=True)
    refreshed_at = models.DateTimeField(null=True, blank=True)
    tags = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.slug


class SegmentVersion(models.Model):
    """A rule that was live once, and how it differed from the one before."""

    segment = models.ForeignKey(Segment, on_delete=models.PROTECT, related_name="+")
    version = models.IntegerField()
    rule = models.JSONField()
    diff = models.JSONField(default=list)
    by = models.CharField(max_length=200, blank=True, default="")
    note = models.TextField(blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "version"], name="segments_version_unique")]

    def __str__(self) -> str:
        return f"{self.segment_id} v{self.version}"


class Publication(models.Model):
    """A rule that is being published by a job, because counting its past takes longer than a request should."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    segment = models.ForeignKey(Segment, null=True, on_delete=models.PROTECT, related_name="+")
    # The version that the person had before him; another one by now means that somebody else was faster.
    based_on = models.IntegerField(default=0)
    slug = models.SlugField(max_length=80)
    rule = models.JSONField()
    details = models.JSONField(default=dict)
    note = models.TextField(blank=True, default="")
    state = models.CharField(max_length=12, choices=State.choices, default=State.WAITING)
    error = models.TextField(blank=True, default="")
    job_id = models.BigIntegerField()
    requested_by = models.CharField(max_length=200)
    via = models.CharField(max_length=8, default="ui")
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="segments_publication_waiting", condition=models.Q(state="waiting"))
        ]

    def __str__(self) -> str:
        return f"{self.slug} {self.state}"


class Measure(models.Model):
    """A counter shared by all segments that read it. Ids are never used twice: entries name them."""

    id = models.AutoField(primary_key=True)
    event = models.TextField()
    where = models.JSONField(default=list)
    sum_property = models.TextField(null=True)  # noqa: DJ001 - none is not the empty name
    # What entries of one bucket come to: their sum, the least or greatest amount, or the distinct values.
    kind = models.CharField(max_length=8, default="sum")
    key = models.TextField()
    minutes = models.IntegerField(default=0)
    hours = models.IntegerField(default=0)
    # Counts what comes, while its past is still being counted; no rule reads it yet.
    filling = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "filling"], name="segments_measure_unique")]

    def __str__(self) -> str:
        return self.key


class StaticList(models.Model):
    """People named one by one. Entries hang on identifiers, so they go along when people are merged and unmerged."""

    id = models.AutoField(primary_key=True)
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    created_by = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class ListEntry(models.Model):
    """An identifier on a list."""

    pk = models.CompositePrimaryKey("identifier_id", "list_id")
    identifier_id = models.BigIntegerField()
    list = models.ForeignKey(StaticList, on_delete=models.CASCADE, related_name="+")
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.list_id}: {self.identifier_id}"


class Activity(models.Model):
    """The packed counters of one identifier."""

    identifier_id = models.BigIntegerField(primary_key=True)
    entries = models.BinaryField()

    def __str__(self) -> str:
        return str(self.identifier_id)


class Membership(models.Model):
    """All memberships of one profile: bit n is the segment with id n. `due_at`: when time alone may change them."""

    profile_id = models.BigIntegerField(primary_key=True)
    bits = models.BinaryField()
    due_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="segments_membership_due", condition=models.Q(due_at__isnull=False))
        ]

    def __str__(self) -> str:
        return str(self.profile_id)


class Change(models.Model):
    """One row of the ledger: a profile entered or left a segment. Append-only; memberships are its fold."""

    seq = models.BigAutoField(primary_key=True)
    # Wide columns first: no byte of the table with the most rows goes to alignment.
    profile_id = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())
    segment_id = models.IntegerField()
    version = models.IntegerField()
    entered = models.BooleanField()
    reason = models.CharField(max_length=16)

    class Meta:
        indexes = [models.Index("segment_id", "profile_id", models.F("seq").desc(), name="segments_change_by_profile")]

    def __str__(self) -> str:
        return f"{self.seq}"


class Size(models.Model):
    """How many members a segment has now."""

    segment_id = models.IntegerField(primary_key=True)
    members = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.members}"


class SizeHour(models.Model):
    """How many members a segment had at the end of an hour in which anything changed."""

    pk = models.CompositePrimaryKey("segment_id", "hour")
    segment_id = models.IntegerField()
    hour = models.DateTimeField()
    members = models.BigIntegerField()
    entered = models.IntegerField(default=0)
    exited = models.IntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.segment_id} {self.hour}: {self.members}"
