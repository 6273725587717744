from importlib import import_module

from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "common"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # A connection knows only the dumpers that were registered before it was made.
        import_module("common.pg")
