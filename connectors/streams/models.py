"""Where a stream comes from, and how far it was read."""

from django.db import models


class Stream(models.Model):
    """The topic of one source. Its secrets are one encrypted text."""

    source_id = models.IntegerField(unique=True)
    settings = models.JSONField()
    secrets = models.TextField(blank=True)
    enabled = models.BooleanField(default=True)
    # What the last look found, in words; empty when all is well.
    problem = models.TextField(blank=True)
    last_read_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"stream of source {self.source_id}"


class StreamOffset(models.Model):
    """One partition: `next_offset` is the first that was not read, `end_offset` the end when it was last looked at."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="offsets")
    partition = models.IntegerField()
    next_offset = models.BigIntegerField()
    end_offset = models.BigIntegerField(default=0)
    # Messages that the broker had let go of before they were read.
    lost = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "partition"], name="stream_partition_unique")]

    def __str__(self) -> str:
        return f"partition {self.partition} of {self.stream_id}"
