"""Who is told, what waits to be told, and the digests that were made of it."""

from django.db import models

from quality.figures.models import QualityAlert
from quality.reports.models import PlanReport


class AlertRecipient(models.Model):
    """A person who gets mail, or an address that is called. Empty lists mean everything."""

    class Way(models.TextChoices):
        MAIL = "mail", "Mail"
        WEBHOOK = "webhook", "Webhook"

    class Reports(models.TextChoices):
        NONE = "none", "None"
        OWN = "own", "Of events that I own"
        ALL = "all", "Of all owners"

    way = models.CharField(max_length=8, choices=Way.choices)
    # Of mail: whose. One mail a person, whatever it tells of.
    user_id = models.IntegerField(null=True, unique=True)
    # Of a webhook: where to, and the encrypted secret that signs.
    name = models.CharField(max_length=120, blank=True)
    url = models.TextField(blank=True)
    secret = models.TextField(blank=True)
    alerts = models.BooleanField(default=True)
    kinds = models.JSONField(default=list)
    source_ids = models.JSONField(default=list)
    reports = models.CharField(max_length=4, choices=Reports.choices, default=Reports.NONE)
    every_minutes = models.IntegerField(default=15)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name or f"{self.way} {self.user_id}"


class AlertDigest(models.Model):
    """One mail or call. What it says is fixed when it is made: a repeat says the same."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Not known"

    recipient = models.ForeignKey(AlertRecipient, on_delete=models.CASCADE)
    content = models.JSONField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    made_at = models.DateTimeField()
    # When it is tried next; while it is being sent, until when nobody else touches it.
    due_at = models.DateTimeField()
    tries = models.IntegerField(default=0)
    # Noted before a mail is handed over: from then on nobody can say that it did not go out.
    handed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        indexes = (models.Index(fields=["state", "due_at"], name="digest_due"),)

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.state}"


class AlertNotice(models.Model):
    """Something to tell one recipient; written in the transaction in which it came about."""

    class What(models.TextChoices):
        RAISED = "raised", "Raised"
        RESOLVED = "resolved", "Resolved"
        REPORT = "report", "Report"

    recipient = models.ForeignKey(AlertRecipient, on_delete=models.CASCADE)
    what = models.CharField(max_length=8, choices=What.choices)
    alert = models.ForeignKey(QualityAlert, on_delete=models.CASCADE, null=True)
    report = models.ForeignKey(PlanReport, on_delete=models.CASCADE, null=True)
    at = models.DateTimeField()
    digest = models.ForeignKey(AlertDigest, on_delete=models.CASCADE, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["recipient", "report"], name="report_told_once")]
        indexes = (
            models.Index(fields=["recipient", "at"], condition=models.Q(digest=None), name="notice_waiting"),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.recipient_id}: {self.what}"
