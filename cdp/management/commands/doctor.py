"""Look at everything the product needs, and say what to do about what is missing."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from cdp import vitals
from common import clock


class Command(BaseCommand):
    help = "Check database, broker, beat, migrations, disk and lag; exit code 1 when something is wrong."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        checks = vitals.examine(vitals.ALL, now=clock.now())
        healthy = all(check.ok for check in checks)
        if options["format"] == "json":
            self.stdout.write(json.dumps({"ok": healthy, "checks": [check.as_json() for check in checks]}))
        else:
            self.stdout.write("\n".join(_line(check) for check in checks))
        if not healthy:
            raise SystemExit(1)


def _line(check: vitals.Check) -> str:
    mend = f"\n{'':14}mend: {check.mend}" if check.mend else ""
    return f"{'ok' if check.ok else 'WRONG':<6}{check.name + ':':<12} {check.finding}{mend}"
