"""`manage.py export_profiles`: NDJSON on standard output."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdp.api import exports, ndjson


class Command(BaseCommand):
    help = "Write every profile as NDJSON, one a line: id, identifiers, traits and the slugs of its segments."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["json"], default="json", help="always one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        ndjson.write(self.stdout, exports.profiles())
