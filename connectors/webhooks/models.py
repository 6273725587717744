"""How the calls that come to a source's address are checked and read."""

from django.db import models


class Webhook(models.Model):
    """The webhook of one source. Its secret is encrypted; the address is kept secret by the write key in it."""

    source_id = models.IntegerField(unique=True)
    mapping = models.JSONField()
    signature = models.JSONField(default=dict)
    secret = models.TextField(blank=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    last_called_at = models.DateTimeField(null=True)
    # Why the last call was not taken; empty when it was.
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"webhook of source {self.source_id}"
