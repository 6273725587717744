"""Do the waiting computations of insights, in a process of its own."""

from typing import Any

from django.core.management.base import BaseCommand

from cdp.pipeline.follow import follow_moves
from common import clock
from insights import services


class Command(BaseCommand):
    help = "Score, group, train and predict as the waiting runs ask, or do again what was cut short."

    def handle(self, *args: Any, **options: Any) -> None:
        ended = services.run_waiting(now=clock.now(), after=follow_moves)
        self.stdout.write(f"{ended} runs are finished." if ended else "No run is waiting.")
