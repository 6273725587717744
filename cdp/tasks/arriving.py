"""What comes in: the inbox, files, streams and pulls, and what is done with the log again."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from celery import shared_task
from django.conf import settings

from cdp import nudge
from cdp.nudge import (
    APPLY_INBOX,
    APPLY_RETENTION,
    CHECK_QUALITY,
    READ_PULLS,
    RUN_ERASURES,
    RUN_IMPORTS,
    RUN_REPLAYS,
    RUN_UNDOS,
)
from common import clock
from common.alone import alone

if TYPE_CHECKING:
    from cdp.pipeline.run import Applier


@lru_cache(maxsize=1)
def _applier() -> Applier:
    """One a process: it keeps what it has learned of people and rules between tasks."""
    from cdp.pipeline.run import Applier

    return Applier(dedup_days=settings.DEDUPLICATION_DAYS)


@shared_task(name=APPLY_INBOX, queue="pipeline")
def apply_inbox() -> None:
    """Apply what waits in the inbox and stay a moment for more; then let channels and campaigns follow."""
    from cdp.pipeline import run

    nudge.taken(APPLY_INBOX)
    run.drain(_applier(), after_changes=nudge.followers, after_damage=nudge.of(CHECK_QUALITY))


@shared_task(name=RUN_IMPORTS, queue="default")
@alone()
def run_imports() -> None:
    """Check or take in the files that somebody asked for."""
    from connectors import services

    nudge.taken(RUN_IMPORTS)
    services.run_imports(now=clock.now(), after=nudge.of(APPLY_INBOX))


@shared_task(name="cdp.tasks.look_at_places", queue="default")
@alone()
def look_at_places() -> None:
    """Look for files in watched places, and have those that came taken in."""
    from connectors import services

    if services.look_at_places(now=clock.now()):
        nudge.wake(RUN_IMPORTS)


@shared_task(name="cdp.tasks.read_streams", queue="default")
@alone()
def read_streams() -> None:
    """A turn for every stream: what waits in its topic goes to the inbox."""
    from connectors import services

    services.read_streams(now=clock.now(), after=nudge.of(APPLY_INBOX))


@shared_task(name=READ_PULLS, queue="default")
@alone()
def read_pulls() -> None:
    """A turn for every pull that is due: rows of databases and CRMs go to the inbox."""
    from connectors import services
    from privacy.services import suppressed_among

    nudge.taken(READ_PULLS)
    services.read_pulls(now=clock.now(), after=nudge.of(APPLY_INBOX), suppressed=suppressed_among)


@shared_task(name=RUN_UNDOS, queue="default")
@alone()
def run_undos() -> None:
    """Undo the imports that somebody wants undone, or count what that would take away."""
    from cdp.pipeline import undoing

    nudge.taken(RUN_UNDOS)
    if undoing.run_undos(now=clock.now()):
        nudge.followers()


@shared_task(name=RUN_REPLAYS, queue="default")
@alone()
def run_replays() -> None:
    """Replay what somebody asked for, giving way to what comes in."""
    from cdp.pipeline import replays

    nudge.taken(RUN_REPLAYS)
    if replays.run_replays(now=clock.now(), after=nudge.of(APPLY_INBOX)):
        nudge.followers()


@shared_task(name=APPLY_RETENTION, queue="default")
@alone()
def apply_retention() -> None:
    """Take out the events whose time is over: once a day, and when somebody asked for it."""
    from cdp.pipeline import retention

    nudge.taken(APPLY_RETENTION)
    if retention.run_retention(now=clock.now(), default_days=settings.EVENT_RETENTION_DAYS):
        nudge.followers()


@shared_task(name=RUN_ERASURES, queue="default")
@alone()
def run_erasures() -> None:
    """Erase whom somebody asked to erase, and sign receipts when the channels have confirmed."""
    from cdp import erasing

    nudge.taken(RUN_ERASURES)
    erasing.run_erasures(now=clock.now())
    nudge.followers()
