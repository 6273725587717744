"""Sources: where data comes from."""

from django.db import models


class Source(models.Model):
    """A web site, app, server, e-mail provider, stream or file that sends events with its own write key."""

    class Kind(models.TextChoices):
        WEB = "web", "Website"
        MOBILE = "mobile", "Mobile app"
        SERVER = "server", "Server"
        EMAIL = "email", "E-mail"
        WEBHOOK = "webhook", "Webhook"
        STREAM = "stream", "Stream"
        PULL = "pull", "Database or CRM"
        OFFLINE = "offline", "Offline file"

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=120, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    write_key = models.CharField(max_length=64, unique=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254, blank=True)
    # How items are handled on their way in: see `arriving`.
    ip_kept = models.CharField(max_length=12, default="off", db_default="full")
    fill_in = models.BooleanField(default=False, db_default=False)
    robots = models.CharField(max_length=12, default="allow", db_default="allow")
    # From where browsers may have a cookie set: see `visitor_cookie`.
    origins = models.JSONField(default=list, db_default=[])

    def __str__(self) -> str:
        return self.name
