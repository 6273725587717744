"""Tables of the project itself: only what the demo keeps about its own play."""

from typing import ClassVar

from django.db import models


class DemoTruth(models.Model):
    """Which generated person truly uses an identifier. Read by the scorecard alone, never by anything that resolves."""

    kind = models.TextField()
    value = models.TextField()
    person = models.TextField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "value", "person"], name="demotruth_unique")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value} is {self.person}"


class DemoPlay(models.Model):
    """The one play of the demo: where its year was moved to, which sources it uses, whether it came to its end, and
    whether insights were asked for then."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    shift_days = models.IntegerField()
    sources = models.JSONField(default=dict)
    people = models.IntegerField(default=0)
    messages = models.IntegerField(default=0)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    looked_back_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="demoplay_only_one")]

    def __str__(self) -> str:
        return f"demo of {self.people} people"
