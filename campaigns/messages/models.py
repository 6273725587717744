"""Templates and their versions."""

from django.db import models


class Template(models.Model):
    """What is said, under one name. The words are in its versions."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    message_class = models.CharField(max_length=16)
    # The subscription group whose members get it; empty for none.
    group = models.CharField(max_length=64, blank=True, default="")
    # The number of the version that is sent; 0 while none is.
    live = models.IntegerField(default=0)
    newest = models.IntegerField(default=0)
    archived_at = models.DateTimeField(null=True)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.slug


class TemplateVersion(models.Model):
    """The words of a template at one time. Never changed: other words are another version."""

    template = models.ForeignKey(Template, on_delete=models.CASCADE, related_name="+")
    number = models.IntegerField()
    # By channel, language and field.
    contents = models.JSONField()
    language = models.CharField(max_length=16)
    defaults = models.JSONField(default=dict)
    note = models.CharField(max_length=200, blank=True, default="")
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="template_version_once")]

    def __str__(self) -> str:
        return f"{self.template_id} v{self.number}"
