"""Celery's addresses: each task is one call of a service. All are safe to run twice, or late, or side by side."""

import subprocess
import sys
from functools import lru_cache

import redis
from celery import shared_task
from django.conf import settings

from cdp import nudge
from cdp.environment import PROJECT_FOLDER
from cdp.nudge import APPLY_INBOX, DELIVER_SYNCS, RUN_ERASURES, RUN_IMPORTS, RUN_PUBLICATIONS, WRITE_EXPORTS
from cdp.pipeline import run
from cdp.vitals import BEAT_KEY
from common import clock, pg

# A sync that no worker took by then is dispatched again by the next nudge or beat.
_DELIVER_WITHIN = 10.0
_DUE_BATCH = 5_000


@lru_cache(maxsize=1)
def _applier() -> run.Applier:
    """One a process: it keeps what it has learned of people and rules between tasks."""
    return run.Applier(dedup_days=settings.DEDUPLICATION_DAYS)


@shared_task(name=APPLY_INBOX, queue="pipeline")
def apply_inbox() -> None:
    """Apply what waits in the inbox and stay a moment for more; then let channels follow."""
    nudge.taken(APPLY_INBOX)
    run.drain(_applier(), after_changes=nudge.of(DELIVER_SYNCS))


@shared_task(name="cdp.tasks.run_due_timers", queue="default")
def run_due_timers() -> None:
    """Let memberships change whose time has come, a batch a transaction, so that the applier gets its turn between."""
    from segments import services

    while due := services.run_due(now=clock.now(), limit=_DUE_BATCH):
        nudge.wake(DELIVER_SYNCS)
        if due < _DUE_BATCH:
            break


@shared_task(name="cdp.tasks.refresh_segments", queue="default")
def refresh_segments() -> None:
    """Hold every segment against its rule in SQL and correct what differs."""
    from segments import services

    services.refresh_all(now=clock.now())


@shared_task(name=RUN_PUBLICATIONS, queue="default")
def run_publications() -> None:
    """Publish the rules whose past takes longer to count than a request should."""
    from segments import services

    nudge.taken(RUN_PUBLICATIONS)
    if services.run_publications(now=clock.now()):
        nudge.wake(DELIVER_SYNCS)


@shared_task(name=DELIVER_SYNCS, queue="deliveries")
def deliver_syncs() -> None:
    """Plan and send what the ledger asks of every sync, each by a task of its own: a slow channel delays no other."""
    from connectors import services
    from connectors.tasks import deliver_due

    nudge.taken(DELIVER_SYNCS)
    services.deliver_all_due(
        now=clock.now(), dispatch=lambda sync_id: deliver_due.apply_async((sync_id,), expires=_DELIVER_WITHIN)
    )


@shared_task(name=WRITE_EXPORTS, queue="default")
def write_exports() -> None:
    """Write the exports that somebody asked for."""
    from connectors import services

    nudge.taken(WRITE_EXPORTS)
    services.write_exports(now=clock.now())


@shared_task(name=RUN_ERASURES, queue="default")
def run_erasures() -> None:
    """Erase whom somebody asked to erase, and sign receipts when the channels have confirmed."""
    from cdp import erasing

    nudge.taken(RUN_ERASURES)
    erasing.run_erasures(now=clock.now())
    nudge.wake(DELIVER_SYNCS)


@shared_task(name=RUN_IMPORTS, queue="default")
def run_imports() -> None:
    """Check or take in the files that somebody asked for."""
    from connectors import services

    nudge.taken(RUN_IMPORTS)
    services.run_imports(now=clock.now(), after=nudge.of(APPLY_INBOX))


@shared_task(name="cdp.tasks.look_at_places", queue="default")
def look_at_places() -> None:
    """Look for files in watched places, and have those that came taken in."""
    from connectors import services

    if services.look_at_places(now=clock.now()):
        nudge.wake(RUN_IMPORTS)


@shared_task(name="cdp.tasks.read_streams", queue="default")
def read_streams() -> None:
    """A turn for every stream: what waits in its topic goes to the inbox."""
    from connectors import services

    services.read_streams(now=clock.now(), after=nudge.of(APPLY_INBOX))


@shared_task(name="cdp.tasks.link_profiles", queue="linkage")
def link_profiles() -> None:
    """Find the same people among profiles that changed. The only task that loads pandas."""
    from cdp.pipeline.follow import follow_moves
    from identity.linkage import services

    services.link_changed(now=clock.now(), after=follow_moves)


@shared_task(name="cdp.tasks.run_linkage", queue="default")
def run_linkage() -> None:
    """Do a waiting run over the whole base in a process of its own: what it needs in memory goes when it ends."""
    from identity.linkage import services

    if services.run_waiting():
        subprocess.run([sys.executable, "manage.py", "run_linkage"], cwd=PROJECT_FOLDER, check=True)


@shared_task(name="cdp.tasks.plan_linkage_training", queue="default")
def plan_linkage_training() -> None:
    """Ask for a new model of linkage when the live one is old or the base has changed."""
    from identity.linkage import services

    services.plan_training(now=clock.now())


@shared_task(name="cdp.tasks.audit_consistency", queue="default")
def audit_consistency() -> None:
    """Whether pages, API, exports, ledger and channels show the same members; the page shows what was found."""
    from cdp import consistency

    consistency.audit_and_keep(now=clock.now(), by="beat")


@shared_task(name="cdp.tasks.remind_of_reviews", queue="default")
def remind_of_reviews() -> None:
    """Mail owners of segments whose review is due."""
    from cdp import reminders

    reminders.remind_of_reviews(now=clock.now())


@shared_task(name="cdp.tasks.keep_house", queue="default")
def keep_house() -> None:
    """Make partitions to come, drop finished ones, trim what is past its time."""
    from connectors import services as connectors
    from events import services as events

    now = clock.now()
    with pg.connect(autocommit=True) as conn:
        events.keep_house(
            conn, now=now, dedup_days=settings.DEDUPLICATION_DAYS, retention_days=settings.EVENT_RETENTION_DAYS
        )
    connectors.keep_house(now=now)
    connectors.expire_exports(now=now)


@shared_task(name="cdp.tasks.beat_heartbeat", queue="default")
def beat_heartbeat() -> None:
    """Note that beat and a worker are alive; `doctor` and the home page read it."""
    redis.Redis.from_url(settings.REDIS_URL).set(BEAT_KEY, clock.iso(clock.now()) or "", ex=300)
