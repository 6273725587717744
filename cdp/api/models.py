"""What the API itself remembers: answers to repeat, and how far each channel has read."""

from django.db import models


class IdempotentAnswer(models.Model):
    """The answer to one `Idempotency-Key` of one token, kept for a day. `status` is null while the work runs."""

    token = models.ForeignKey("common.ApiToken", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    status = models.SmallIntegerField(null=True)
    content_type = models.CharField(max_length=100, blank=True)
    location = models.TextField(blank=True)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="idempotent_answer_unique")]

    def __str__(self) -> str:
        return f"{self.key}: {self.status or 'running'}"


class ChannelPosition(models.Model):
    """The last change of one segment that a channel (a token) says it has applied."""

    token = models.ForeignKey("common.ApiToken", on_delete=models.CASCADE, related_name="+")
    segment_id = models.BigIntegerField()
    seq = models.BigIntegerField()
    acknowledged_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "segment_id"], name="channel_position_unique")]

    def __str__(self) -> str:
        return f"segment {self.segment_id} at {self.seq}"
