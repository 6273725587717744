"""The project itself as a Django app: it brings the management commands, the tasks, the web pages and the API."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from django.apps import AppConfig

if TYPE_CHECKING:
    from events.services import Setback


class CdpConfig(AppConfig):
    """Loads the Celery application, so that a task called from any process finds the broker, and has the quarantine ask
    whom it may keep."""

    name = "cdp"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from cdp.celery import app

        app.set_default()
        from events.services import guard_quarantine

        guard_quarantine(_may_be_kept)


def _may_be_kept(conn: psycopg.Connection[Any], setbacks: Sequence["Setback"]) -> Sequence["Setback"]:
    # Loaded when something is refused: most commands refuse nothing.
    from cdp.pipeline.refused import may_be_kept

    return may_be_kept(conn, setbacks)
