"""Slots and their versions. Neither names a person: what people were shown are events of the log."""

from django.db import models


class Slot(models.Model):
    """A place on a page, in an app or in a mail that shows different things to different people."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    version = models.IntegerField(default=1)
    document = models.JSONField()
    updated_at = models.DateTimeField()
    updated_by = models.CharField(max_length=254)

    def __str__(self) -> str:
        return self.slug


class SlotVersion(models.Model):
    """What a slot held from one change to the next."""

    slot = models.ForeignKey(Slot, on_delete=models.CASCADE, related_name="+")
    version = models.IntegerField()
    document = models.JSONField()
    at = models.DateTimeField()
    by = models.CharField(max_length=254)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["slot", "version"], name="slot_version_once")]

    def __str__(self) -> str:
        return f"{self.slot_id} version {self.version}"
