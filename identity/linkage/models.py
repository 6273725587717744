"""Tables of record linkage. Columns and constraints only; all of it but the model can be derived again."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class LinkageRecord(models.Model):
    """The cleaned fields of one profile, with the keys and terms it is counted under."""

    profile_id = models.BigIntegerField(primary_key=True)
    # The cleaned values in a fixed order (`fields.Stored`), as text: it is read by the thousand, and only whole.
    fields = models.TextField(default="[]")
    keys = ArrayField(models.BigIntegerField(), default=list)
    terms = ArrayField(models.BigIntegerField(), default=list)
    # The profile's own time of change when it was read: a profile is due when the two differ.
    changed_at = models.DateTimeField()
    # Which recipe made it (`blocking.RECIPE`); 0 is one from before recipes had numbers.
    recipe = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "identity_linkagerecord"

    def __str__(self) -> str:
        return str(self.profile_id)


class BlockingKey(models.Model):
    """One profile in one block. The hash comes first: the table is read by key, never by profile."""

    pk = models.CompositePrimaryKey("key_hash", "profile_id")
    key_hash = models.BigIntegerField()
    profile_id = models.BigIntegerField()

    class Meta:
        db_table = "identity_blockingkey"

    def __str__(self) -> str:
        return f"{self.profile_id} under {self.key_hash}"


class BlockCount(models.Model):
    """How many profiles hold a value whose frequency matters, by the hash of the value."""

    key_hash = models.BigIntegerField(primary_key=True)
    records = models.IntegerField()

    class Meta:
        db_table = "identity_blockcount"

    def __str__(self) -> str:
        return f"{self.records} under {self.key_hash}"


class FullBlock(models.Model):
    """A blocking key that was found over-full, and that nobody has left since: it is still, and isn't looked up."""

    key_hash = models.BigIntegerField(primary_key=True)

    class Meta:
        db_table = "identity_fullblock"

    def __str__(self) -> str:
        return str(self.key_hash)


class LinkageModel(models.Model):
    """One version of the linkage model. At most one is active; without any the start values hold as version 0.

    `figures` are what its training found: what it expects of itself, and how it differs from what was live then.
    """

    version = models.AutoField(primary_key=True)
    spec = models.JSONField()
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    created_by = models.TextField(default="", blank=True)
    figures = models.JSONField(default=dict)
    switched_on_at = models.DateTimeField(null=True)
    switched_on_by = models.TextField(default="", blank=True)

    class Meta:
        db_table = "identity_linkagemodel"
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="linkagemodel_one_active"),
        ]

    def __str__(self) -> str:
        return f"linkage model {self.version}"


class BulkRun(models.Model):
    """One run over the whole base: `train` makes a model and changes nothing, `apply` links, `roll_back` undoes."""

    class Kind(models.TextChoices):
        TRAIN = "train"
        APPLY = "apply"
        ROLL_BACK = "roll_back"

    class State(models.TextChoices):
        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        ROLLED_BACK = "rolled_back"

    kind = models.TextField(choices=Kind.choices)
    state = models.TextField(choices=State.choices, default=State.WAITING)
    model_version = models.IntegerField(null=True)
    previous_version = models.IntegerField(null=True)
    # The run that a roll-back undoes.
    undoes = models.BigIntegerField(null=True)
    stage = models.TextField(default="", blank=True)
    # Seconds by stage, in the order they were done.
    stages = models.JSONField(default=dict)
    figures = models.JSONField(default=dict)
    error = models.TextField(default="", blank=True)
    requested_by = models.TextField()
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "identity_bulkrun"
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(state__in=["waiting", "running"]), name="bulkrun_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} run {self.pk}"


class RunLink(models.Model):
    """What a run has linked or withdrawn, so that it can be rolled back exactly."""

    pk = models.CompositePrimaryKey("run_id", "a", "b")
    run_id = models.BigIntegerField()
    a = models.BigIntegerField()
    b = models.BigIntegerField()
    added = models.BooleanField()
    # Of a withdrawn link: what it was, for the way back.
    confidence = models.FloatField(null=True)
    evidence = models.JSONField(null=True)

    class Meta:
        db_table = "identity_runlink"

    def __str__(self) -> str:
        return f"{self.a}-{self.b} {'linked' if self.added else 'withdrawn'} by run {self.run_id}"


class LinkageState(models.Model):
    """How far linkage has come; one row."""

    # Profiles changed after this are looked at; null before the first pass is done.
    since = models.DateTimeField(null=True)
    # The latest change seen in the present pass, which walks profiles in the order of their ids.
    latest = models.DateTimeField(null=True)
    after_id = models.BigIntegerField(default=0)
    swept_to = models.BigIntegerField(default=0)
    # The recipe that all records are of. While it is another than the code's, they are made anew, up to `renewed_to`.
    recipe = models.SmallIntegerField(default=0, db_default=0)
    renewed_to = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "identity_linkagestate"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="linkagestate_one_row")]

    def __str__(self) -> str:
        return f"since {self.since}, after {self.after_id}"
