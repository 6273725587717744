"""One row for each import."""

from django.db import models

from connectors.storage.models import StoredFile


class Import(models.Model):
    """A file on its way in. `next_row` moves in the very transaction in which rows go to the inbox."""

    class State(models.TextChoices):
        DRAFT = "draft"
        WAITING = "waiting"  # or under way: whoever works at it holds its lock
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Undo(models.TextChoices):
        NONE = ""
        COUNTING = "counting"  # what an undo would take away
        COUNTED = "counted"
        UNDER_WAY = "undoing"
        DONE = "undone"

    source_id = models.IntegerField(db_index=True)
    file = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.CharField(max_length=255)
    layout = models.JSONField()
    header = models.JSONField()
    header_hash = models.CharField(max_length=32, db_index=True)
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=16, choices=State.choices, default=State.DRAFT)
    # A dry run counts and writes nothing; afterwards the import is a draft again.
    dry = models.BooleanField(default=False)
    next_row = models.BigIntegerField(default=0)
    checked = models.JSONField(null=True)
    counts = models.JSONField(null=True)
    # What is to be said of single rows, as CSV.
    problems = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    job_id = models.BigIntegerField(null=True)
    error = models.TextField(blank=True)
    undo_state = models.CharField(max_length=16, choices=Undo.choices, default=Undo.NONE, blank=True)
    undo_requested_at = models.DateTimeField(null=True)
    undo_job_id = models.BigIntegerField(null=True)
    undo_error = models.TextField(blank=True, default="")
    # What was taken back so far, or what would be.
    undone = models.JSONField(null=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(state="waiting"), name="import_waiting")]

    def __str__(self) -> str:
        return self.file_name


class ImportSlice(models.Model):
    """The messages of one slice of rows, each known by 64 bits: by them an import can be undone."""

    of = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="slices", db_column="import_id")
    received_at = models.DateTimeField()
    hashes = models.BinaryField()

    def __str__(self) -> str:
        return f"rows of import {self.of_id}"
