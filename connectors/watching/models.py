"""Watched places, and the files that were taken from them."""

from django.db import models


class Watch(models.Model):
    """One place of one source. Its secrets are one encrypted text."""

    source_id = models.IntegerField(unique=True)
    place = models.CharField(max_length=16)
    settings = models.JSONField()
    secrets = models.TextField(blank=True)
    every_minutes = models.IntegerField(default=60)
    enabled = models.BooleanField(default=True)
    next_look_at = models.DateTimeField()
    last_looked_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.place} of source {self.source_id}"


class WatchedFile(models.Model):
    """A file that was taken; with another mark it is another one."""

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=500)
    mark = models.CharField(max_length=200)
    import_id = models.BigIntegerField(null=True)
    # Why it could not be taken; it is not tried again before it changes.
    problem = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["watch", "name", "mark"], name="watched_file_unique")]

    def __str__(self) -> str:
        return self.name
