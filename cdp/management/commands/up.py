"""Run the whole product in the foreground. `manage.py` itself starts it without Django; this lists it in `help`."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdp.runner import up


class Command(BaseCommand):
    help = "Run the whole product (PostgreSQL, Valkey, web, workers, beat) until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="start empty (also DEMO=0)")

    def handle(self, *args: Any, **options: Any) -> None:
        if up.main(["--no-demo"] if options["no_demo"] else []) != 0:
            raise SystemExit(1)
