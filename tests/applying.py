"""Everything that was accepted, applied."""

import time
from datetime import datetime

from cdp.pipeline.run import Applier
from events import selectors as events

# Longer than any transaction of a test: after it the test says itself what hinders it.
_LONGEST = 120


def apply_all(applier: Applier, *, now: datetime) -> None:
    """Until nothing waits: what was accepted is claimed when transactions that began before it have ended, whoever's
    they are, and a batch that failed is tried again in smaller parts."""
    ends = time.monotonic() + _LONGEST
    while True:
        taken, waiting = applier.apply_batch(now=now).taken, events.backlog().requests
        if not taken and not waiting:
            return
        assert time.monotonic() < ends, f"{waiting} requests wait still; is a transaction open?"
        time.sleep(0 if taken else 0.01)
