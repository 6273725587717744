"""What is asked for rows, how far it was read, and what was read."""

from django.db import models


class Pull(models.Model):
    """The database or CRM of one source. Its secrets are one encrypted text.

    `place` is the last row that is in the inbox; it moves in the transaction that stores the rows, as long as nobody
    changed what is read (`version`).
    """

    source_id = models.IntegerField(unique=True)
    kind = models.CharField(max_length=16)
    settings = models.JSONField()
    secrets = models.TextField(blank=True)
    # Empty until somebody has seen what rows become.
    mapping = models.JSONField(default=dict)
    every_minutes = models.IntegerField(default=60)
    enabled = models.BooleanField(default=True)
    # Somebody said that so many rows are gone indeed; good for one run.
    accept_gone = models.BooleanField(default=False)
    version = models.IntegerField(default=1)
    place = models.JSONField(null=True)
    next_pull_at = models.DateTimeField(null=True)
    # When everything that was there had last been read.
    caught_up_at = models.DateTimeField(null=True)
    # Why the last turn could not go on; empty when all is well.
    problem = models.TextField(blank=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["next_pull_at"], condition=models.Q(enabled=True), name="pull_due")]

    def __str__(self) -> str:
        return f"{self.kind} of source {self.source_id}"


class PullRun(models.Model):
    """Once from where the last run ended to the newest row; it goes on over as many turns as it needs."""

    class State(models.TextChoices):
        READING = "reading"
        TELLING = "telling"  # all rows were read; those that are gone are told
        DONE = "done"
        HELD = "held"  # all rows were read; too many are gone at once to tell of them
        STOPPED = "stopped"  # what is read was changed meanwhile

    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=16, choices=State.choices, default=State.READING)
    rows = models.BigIntegerField(default=0)
    items = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    gone = models.BigIntegerField(default=0)
    # The newest cursor when the run began, and from which on rows are remembered.
    newest = models.JSONField(null=True)
    remember_from = models.JSONField(null=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["pull"], condition=models.Q(state__in=["reading", "telling"]), name="pull_one_run"
            )
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.pull_id}"


class PulledRow(models.Model):
    """A row as a run last saw it: keyed digests of its key and of what it became, from which nobody finds the row.

    `who` are its identifiers, kept only where rows that are gone become events.
    """

    pk = models.CompositePrimaryKey("pull_id", "key")
    pull = models.ForeignKey(Pull, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.BinaryField(max_length=16)
    digest = models.BinaryField(max_length=16)
    run = models.BigIntegerField()
    # [kind, canonical value] of each.
    who = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"a row of {self.pull_id}"
