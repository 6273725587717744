"""Tables of record linkage. Columns and constraints only; all of it but the model can be derived again."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class LinkageRecord(models.Model):
    """The cleaned fields of one profile, with the keys and terms it is counted under."""

    profile_id = models.BigIntegerField(primary_key=True)
    fields = models.JSONField(default=dict)
    keys = ArrayField(models.BigIntegerField(), default=list)
    terms = ArrayField(models.BigIntegerField(), default=list)
    # The profile's own time of change when it was read: a profile is due when the two differ.
    changed_at = models.DateTimeField()

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
    """How many profiles share a key, or hold a value whose frequency matters."""

    key_hash = models.BigIntegerField(primary_key=True)
    records = models.IntegerField()

    class Meta:
        db_table = "identity_blockcount"

    def __str__(self) -> str:
        return f"{self.records} under {self.key_hash}"


class LinkageModel(models.Model):
    """One version of the linkage model. At most one is active; without any the start values hold as version 0."""

    version = models.AutoField(primary_key=True)
    spec = models.JSONField()
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "identity_linkagemodel"
        constraints = [
            models.UniqueConstraint(fields=["active"], condition=Q(active=True), name="linkagemodel_one_active"),
        ]

    def __str__(self) -> str:
        return f"linkage model {self.version}"


class LinkageState(models.Model):
    """How far linkage has come; one row."""

    # Profiles changed after this are looked at; null before the first pass is done.
    since = models.DateTimeField(null=True)
    # The latest change seen in the present pass, which walks profiles in the order of their ids.
    latest = models.DateTimeField(null=True)
    after_id = models.BigIntegerField(default=0)
    swept_to = models.BigIntegerField(default=0)

    class Meta:
        db_table = "identity_linkagestate"
        constraints = [models.CheckConstraint(condition=Q(id=1), name="linkagestate_one_row")]

    def __str__(self) -> str:
        return f"since {self.since}, after {self.after_id}"
