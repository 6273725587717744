"""Everything that was accepted, applied."""

import time
from datetime import datetime

from cdp.pipeline.run import Applier
from events import selectors as events

# A transaction that hangs is told by what the test finds missing, not by a test that never ends.
_LONGEST = 60


def apply_all(applier: Applier, *, now: datetime) -> None:
    """Until nothing waits: what was accepted is claimed when transactions that began before it have ended, those of
    the autovacuum among them, and a batch that failed is tried again in smaller parts."""
    ends = time.monotonic() + _LONGEST
    while (applier.apply_batch(now=now).taken or events.backlog().requests) and time.monotonic() < ends:
        pass
