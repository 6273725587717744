"""`manage.py rebuild_profiles`: recompute people and traits from links and claims."""

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from cdp.pipeline.follow import follow_moves
from common import clock
from identity import services


class Command(BaseCommand):
    help = "Recompute all profiles from links and claims. On a healthy database it changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        rebuilt = services.rebuild_profiles(now=clock.now(), after=follow_moves)
        if options["format"] == "json":
            self.stdout.write(json.dumps({**asdict(rebuilt), "healthy": rebuilt.healthy}))
        elif rebuilt.healthy:
            self.stdout.write(f"{rebuilt.identifiers} identifiers recomputed: nothing differed.")
        else:
            self.stdout.write(
                f"{rebuilt.identifiers} identifiers recomputed: {rebuilt.identifiers_differing} stood wrong, "
                f"{rebuilt.traits_changed} profiles had other traits, {rebuilt.refusals_differing} refusals differed. "
                "All is mended."
            )
