"""Which provider calls the webhook of a source."""

from django.db import models


class EmailHook(models.Model):
    """The provider of one source. Its key is encrypted; the address is kept secret by the write key in it."""

    source_id = models.IntegerField(unique=True)
    provider = models.CharField(max_length=32)
    secret = models.TextField(blank=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    last_called_at = models.DateTimeField(null=True)
    # Why the last call was not taken; empty when it was.
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"{self.provider} of source {self.source_id}"
