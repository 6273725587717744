"""The project itself as a Django app: it brings the management commands, the tasks, the web pages and the API."""

from django.apps import AppConfig


class CdpConfig(AppConfig):
    """Loads the Celery application, so that a task called from any process finds the broker."""

    name = "cdp"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from cdp.celery import app

        app.set_default()
