"""`manage.py wait_idle --timeout 60`."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from cdp.api import idle


class Command(BaseCommand):
    help = "Wait until inbox, due timers, linkage queue and deliveries are drained. Exit code 0 when they are, else 1."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--timeout", type=float, default=60.0, help="seconds (default: 60)")
        parser.add_argument("--format", choices=["table", "json"], default="table")

    def handle(self, *args: Any, timeout: float, format: str, **options: Any) -> None:
        left = idle.wait(seconds=timeout)
        if format == "json":
            self.stdout.write(json.dumps({"idle": left.idle, "left": asdict(left)}))
        elif left.idle:
            self.stdout.write("idle")
        else:
            waiting = ", ".join(f"{count} in {name}" for name, count in asdict(left).items() if count)
            self.stdout.write(f"after {timeout:g} s there is still work: {waiting}")
        if not left.idle:
            raise SystemExit(1)
