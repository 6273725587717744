"""Do the next run of linkage over the whole base, in a process of its own."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from cdp.pipeline.follow import follow_moves
from common import clock
from identity.linkage import services


class Command(BaseCommand):
    help = "Train, link or roll back as the waiting run asks, or go on with one that was cut short."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--memory", default=settings.LINKAGE_MEMORY, help="what it may use before it spills to disk"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        run_id = services.run_next(
            now=clock.now(),
            folder=Path(settings.DATA_FOLDER) / "linkage",
            memory=options["memory"],
            after=follow_moves,
        )
        if run_id is None:
            self.stdout.write("No run is waiting.")
            return
        if settings.LINKAGE_SWITCH_ON == "policy":
            services.switch_on_by_policy(run_id, now=clock.now())
        self.stdout.write(f"Run {run_id} is finished.")
