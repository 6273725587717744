"""The API as a Django app of its own: it keeps answers for idempotent retries and the positions of channels."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "cdp.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
