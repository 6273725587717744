"""`manage.py simulate_policy`: what a changed identity policy would do, without writing."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from common import clock
from identity import services


class Command(BaseCommand):
    help = "Run a changed policy over the real data and count merges and splits. Writes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--spec", type=Path, help="JSON file; settings it leaves out stay as they are")
        parser.add_argument(
            "--set", action="append", default=[], metavar="PATH=VALUE", help="such as kinds.email.max_per_profile=3"
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        spec = _read(options["spec"])
        try:
            for assignment in options["set"]:
                _assign(spec, assignment)
            found = services.simulate_policy(spec, now=clock.now())
        except ValueError as error:
            raise CommandError(str(error)) from None
        if options["format"] == "json":
            self.stdout.write(json.dumps(found))
            return
        for name, value in found.items():
            if name != "examples":
                self.stdout.write(f"{name.replace('_', ' '):26}{value:>12}")


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        spec = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {error}") from None
    if not isinstance(spec, dict):
        raise CommandError(f"{path}: a policy is a JSON object")
    return spec


def _assign(spec: dict[str, Any], assignment: str) -> None:
    """`a.b=value` into nested objects; the value is JSON, or else text."""
    path, equals, text = assignment.partition("=")
    if not equals:
        raise ValueError(f"--set wants PATH=VALUE, not {assignment!r}")
    *outer, name = path.split(".")
    for step in outer:
        spec = spec.setdefault(step, {})
    try:
        spec[name] = json.loads(text)
    except ValueError:
        spec[name] = text
