"""`manage.py create_source NAME --kind web`."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from connectors import services


class Command(BaseCommand):
    help = "Make a source and print its write key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--kind", default="web", help="web, mobile, server, … (default: web)")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, name: str, kind: str, format: str, **options: Any) -> None:
        try:
            made = services.create_source(name=name, kind=kind, by="command line", via="cli")
        except ValueError as error:
            raise CommandError(str(error)) from None
        if format == "json":
            found = {
                "id": made.id,
                "name": made.name,
                "slug": made.slug,
                "kind": made.kind,
                "write_key": made.write_key,
            }
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write(f"source     {made.id} ({made.slug})\nwrite key  {made.write_key}")
