"""Whether anything of a person is left."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from cdp.scanning import scan


class Command(BaseCommand):
    help = "Look for values in every table, in Valkey and in the data folder; fails when one is found. Writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("values", nargs="+", help="an address, a phone number, an id: at least six characters")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        short = [value for value in options["values"] if len(value) < 6]
        if short:
            raise CommandError(f"Too short to look for, it would be found by chance: {', '.join(short)}")
        found = scan(options["values"])
        if options["format"] == "json":
            self.stdout.write(json.dumps({one.place: one.count for one in found}))
        else:
            for one in found:
                self.stdout.write(f"{one.count:>8}  {one.place}")
            self.stdout.write("Nothing is left." if not found else "")
        if found:
            raise CommandError(f"Found in {len(found)} places.")
