"""Tables of kept features. The values are claims in identity; what waits here are numbers of identifiers."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class KeptFeature(models.Model):
    """A feature whose value everybody has as a trait. `position`: everybody is being computed, and this is the last
    profile that was; none while nothing is to be done. `meaning`: what it meant when that began."""

    name = models.CharField(max_length=60, unique=True)
    leaving = models.BooleanField(default=False)
    meaning = models.CharField(max_length=64, blank=True, default="")
    position = models.BigIntegerField(null=True)
    begun_at = models.DateTimeField(null=True)
    counted = models.BigIntegerField(default=0)
    whole_at = models.DateTimeField(null=True)
    people = models.BigIntegerField(default=0)
    kept_by = models.CharField(max_length=254)
    kept_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Keeping(models.Model):
    """One row: how often values were written, and when last. Whoever writes has read it before computing, so that of
    two workers one writes; and no value that was computed later counts as the earlier one."""

    writes = models.BigIntegerField(default=0)
    computed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.writes} writes"


class Touched(models.Model):
    """Identifiers of whom something came, was linked or parted: their people are computed once `ripe_at` has passed.
    The row goes in the transaction that writes the values."""

    noted_at = models.DateTimeField()
    ripe_at = models.DateTimeField()
    ids = ArrayField(models.BigIntegerField())
    # So many: to add them up, the long arrays need not be read.
    size = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.size} identifiers"
