"""Play the demo: a year of real shopping by generated people, over the real HTTP API. Once for each database."""

import json
import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from cdp.demo.player import PlayFailed
from cdp.demo.services import already_played, has_begun, look_back, looked_back, play_demo
from common import clock
from events import selectors as events


class Command(BaseCommand):
    """Address of `cdp.demo.services.play_demo`."""

    help = __doc__
    # The checks import every page and endpoint, two seconds that a second player beside the product can do without.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-first", action="store_true", help="do nothing where events have already arrived")
        parser.add_argument("--base-url", default=f"http://127.0.0.1:{settings.PORT}", help="the running server")
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        began = time.monotonic()
        # One line for each of 600 requests says nothing that the answer does not.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        if already_played():
            # Whoever was killed after the last message has left this to the next.
            if not looked_back():
                self._look_back()
            return self._answer(options, {"played": False, "reason": "the demo has been played in this database"})
        if options["if_first"] and not has_begun() and _has_events():
            return self._answer(options, {"played": False, "reason": "this database has events of its own"})
        try:
            sent = play_demo(base_url=options["base_url"], folder=settings.DATA_FOLDER / "demo", now=clock.now())
        except PlayFailed as problem:
            raise CommandError(f"The demo could not be played: {problem}. Is {options['base_url']} up?") from None
        self._look_back()
        return self._answer(
            options,
            {
                "played": True,
                "messages": {one.channel: one.messages for one in sent},
                "refused": sum(one.refused for one in sent),
                "seconds": round(time.monotonic() - began, 1),
            },
        )

    def _look_back(self) -> None:
        if not look_back():
            raise CommandError(
                "The demo has been played, but not all of it is applied yet: are the workers up? Its insights are "
                "asked for by the next start, or when this is called again."
            )

    def _answer(self, options: dict[str, Any], answer: dict[str, Any]) -> None:
        if options["format"] == "json":
            self.stdout.write(json.dumps(answer))
        elif not answer["played"]:
            self.stdout.write(f"Not played: {answer['reason']}.")
        else:
            total, seconds = sum(answer["messages"].values()), answer["seconds"]
            self.stdout.write(f"Played {total:,} messages in {seconds} s; {answer['refused']} were refused.")


def _has_events() -> bool:
    return events.applied_total() + events.backlog().events > 0
