"""Where a stream comes from, and how far it was read."""

from django.db import models


class Stream(models.Model):
    """The topic, or the data stream, of one source. Its secrets are one encrypted text."""

    source_id = models.IntegerField(unique=True)
    kind = models.CharField(max_length=16, default="kafka")
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


class ShardPosition(models.Model):
    """How far one shard of a Kinesis stream was read: after `sequence`, or from `since` on, or from its beginning."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="shards")
    shard = models.CharField(max_length=128)
    sequence = models.CharField(max_length=128, blank=True)
    since = models.DateTimeField(null=True)
    # Closed, and read to its end.
    done = models.BooleanField(default=False)
    behind_ms = models.BigIntegerField(default=0)
    records = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "shard"], name="stream_shard_unique")]

    def __str__(self) -> str:
        return f"{self.shard} of {self.stream_id}"
