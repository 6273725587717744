"""Whether anything is left to do: inbox, due timers, linkage queue, deliveries."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from common import clock
from connectors import selectors as connector_selectors
from events import selectors as event_selectors
from identity import selectors as identity_selectors
from segments import selectors as segment_selectors

_LOOK_EVERY = 0.2


@dataclass(frozen=True, slots=True)
class Left:
    """What is left, read in the order in which work flows."""

    inbox: int
    timers: int
    linkage: int
    deliveries: int

    @property
    def idle(self) -> bool:
        return not any(asdict(self).values())


def left() -> Left:
    """What is left now."""
    backlog = event_selectors.backlog()
    return Left(
        inbox=max(backlog.requests, backlog.events),
        timers=segment_selectors.due_count(clock.now()),
        linkage=identity_selectors.linkage_backlog(),
        deliveries=connector_selectors.pending_deliveries(),
    )


def wait(*, seconds: float, look: Callable[[], Left] = left) -> Left:
    """Wait until nothing is left twice in a row (work done in between may have made new work), or the time is up."""
    until = time.monotonic() + seconds
    quiet = 0
    while True:
        found = look()
        quiet = quiet + 1 if found.idle else 0
        if quiet == 2 or time.monotonic() >= until:
            return found
        time.sleep(min(_LOOK_EVERY, max(0.0, until - time.monotonic())))
