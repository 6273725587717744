"""Funnels that somebody kept: what is asked, never what came out."""

from django.db import models


class Funnel(models.Model):
    """A funnel under a name."""

    name = models.CharField(max_length=80, unique=True)
    spec = models.JSONField()
    made_by = models.CharField(max_length=254)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
