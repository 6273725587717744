"""Celery's addresses: each task is one call of a service. All are safe to run twice, or late, or side by side.
Those that share threads run once at a time in each process, so that long ones leave threads for the others.

What a task calls is imported in the task: beat, and workers of other queues, know its address and hold nothing of it.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import redis
from celery import shared_task
from django.conf import settings

from cdp import nudge
from cdp.environment import PROJECT_FOLDER
from cdp.nudge import (
    ANALYSE_EXPERIMENTS,
    APPLY_INBOX,
    APPLY_RETENTION,
    DELIVER_SYNCS,
    READ_PULLS,
    REFRESH_KPIS,
    RUN_CAMPAIGNS,
    RUN_ERASURES,
    RUN_IMPORTS,
    RUN_INSIGHTS,
    RUN_PUBLICATIONS,
    RUN_REPLAYS,
    RUN_UNDOS,
    SEND_MESSAGES,
    WRITE_EXPORTS,
)
from cdp.vitals import BEAT_KEY
from common import clock, pg
from common.alone import alone

if TYPE_CHECKING:
    from cdp.pipeline.run import Applier

# A sync that no worker took by then is dispatched again by the next nudge or beat.
_DELIVER_WITHIN = 10.0
_DUE_BATCH = 5_000


def _run_apart(command: str) -> None:
    subprocess.run([sys.executable, "manage.py", command], cwd=PROJECT_FOLDER, check=True)


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
    run.drain(_applier(), after_changes=nudge.followers)


@shared_task(name="cdp.tasks.run_due_timers", queue="default")
@alone()
def run_due_timers() -> None:
    """Let memberships change whose time has come, a batch a transaction, so that the applier gets its turn between."""
    from segments import services

    while due := services.run_due(now=clock.now(), limit=_DUE_BATCH):
        nudge.followers()
        if due < _DUE_BATCH:
            break


@shared_task(name="cdp.tasks.refresh_segments", queue="default")
@alone()
def refresh_segments() -> None:
    """Hold every segment against its rule in SQL and correct what differs."""
    from segments import services

    services.refresh_all(now=clock.now())


@shared_task(name=RUN_PUBLICATIONS, queue="default")
@alone()
def run_publications() -> None:
    """Publish the rules whose past takes longer to count than a request should."""
    from segments import services

    nudge.taken(RUN_PUBLICATIONS)
    if services.run_publications(now=clock.now()):
        nudge.followers()


@shared_task(name=DELIVER_SYNCS, queue="deliveries")
@alone()
def deliver_syncs() -> None:
    """Plan and send what the ledger asks of every sync, each by a task of its own: a slow channel delays no other."""
    from connectors import services
    from connectors.tasks import deliver_due

    nudge.taken(DELIVER_SYNCS)
    services.deliver_all_due(
        now=clock.now(), dispatch=lambda sync_id: deliver_due.apply_async((sync_id,), expires=_DELIVER_WITHIN)
    )


@shared_task(name=WRITE_EXPORTS, queue="default")
@alone()
def write_exports() -> None:
    """Write the exports and feature files that somebody asked for."""
    from connectors import services
    from insights import services as insights

    nudge.taken(WRITE_EXPORTS)
    services.write_exports(now=clock.now())
    insights.write_tables(now=clock.now())


@shared_task(name=RUN_ERASURES, queue="default")
@alone()
def run_erasures() -> None:
    """Erase whom somebody asked to erase, and sign receipts when the channels have confirmed."""
    from cdp import erasing

    nudge.taken(RUN_ERASURES)
    erasing.run_erasures(now=clock.now())
    nudge.followers()


@shared_task(name=RUN_IMPORTS, queue="default")
@alone()
def run_imports() -> None:
    """Check or take in the files that somebody asked for."""
    from connectors import services

    nudge.taken(RUN_IMPORTS)
    services.run_imports(now=clock.now(), after=nudge.of(APPLY_INBOX))


@shared_task(name=APPLY_RETENTION, queue="default")
@alone()
def apply_retention() -> None:
    """Take out the events whose time is over: once a day, and when somebody asked for it."""
    from cdp.pipeline import retention

    nudge.taken(APPLY_RETENTION)
    if retention.run_retention(now=clock.now(), default_days=settings.EVENT_RETENTION_DAYS):
        nudge.followers()


@shared_task(name=RUN_REPLAYS, queue="default")
@alone()
def run_replays() -> None:
    """Replay what somebody asked for, giving way to what comes in."""
    from cdp.pipeline import replays

    nudge.taken(RUN_REPLAYS)
    if replays.run_replays(now=clock.now(), after=nudge.of(APPLY_INBOX)):
        nudge.followers()


@shared_task(name=ANALYSE_EXPERIMENTS, queue="default")
@alone()
def analyse_experiments() -> None:
    """Measure every experiment that runs, or ended since it was measured."""
    from campaigns import services

    nudge.taken(ANALYSE_EXPERIMENTS)
    services.analyse_due(now=clock.now())


@shared_task(name=RUN_CAMPAIGNS, queue="default")
@alone()
def run_campaigns() -> None:
    """Let people into campaigns, and move on whose time has come."""
    from campaigns import services

    nudge.taken(RUN_CAMPAIGNS)
    services.run_campaigns(after=nudge.moved)


@shared_task(name="cdp.tasks.make_campaign_calls", queue="deliveries")
@alone()
def make_campaign_calls() -> None:
    """Make the signed calls that campaigns ask for."""
    from campaigns import services

    while services.make_calls(now=clock.now()):
        nudge.wake(RUN_CAMPAIGNS)


@shared_task(name="cdp.tasks.learn_bandits", queue="default")
@alone()
def learn_bandits() -> None:
    """Let every bandit learn that runs."""
    from campaigns import services

    services.learn_bandits(now=clock.now())


@shared_task(name=SEND_MESSAGES, queue="messages")
@alone()
def send_messages() -> None:
    """Hand over the messages that are due, each channel by a task of its own: a slow one delays no other."""
    from campaigns import services

    nudge.taken(SEND_MESSAGES)
    for channel in services.channels_due(now=clock.now()):
        send_by_channel.apply_async((channel,), expires=_DELIVER_WITHIN)


@shared_task(name="cdp.tasks.send_by_channel", queue="messages")
@alone(most=4)
def send_by_channel(channel: str) -> None:
    """A turn of one channel. Several may run side by side: what one has claimed, no other hands over."""
    from campaigns import services
    from privacy.services import suppressed_among

    if services.send_due(channel, now=clock.now(), suppressed=lambda keys: suppressed_among(pg.raw(), keys)):
        nudge.wake(APPLY_INBOX)


@shared_task(name=RUN_UNDOS, queue="default")
@alone()
def run_undos() -> None:
    """Undo the imports that somebody wants undone, or count what that would take away."""
    from cdp.pipeline import undoing

    nudge.taken(RUN_UNDOS)
    if undoing.run_undos(now=clock.now()):
        nudge.followers()


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


@shared_task(name="cdp.tasks.link_profiles", queue="linkage")
def link_profiles() -> None:
    """Find the same people among profiles that changed. The only task that loads pandas."""
    from cdp.pipeline.follow import follow_moves
    from identity.linkage import services

    services.link_changed(now=clock.now(), after=follow_moves)


@shared_task(name="cdp.tasks.run_linkage", queue="default")
@alone()
def run_linkage() -> None:
    """Do a waiting run over the whole base in a process of its own: what it needs in memory goes when it ends."""
    from identity.linkage import services

    if services.run_waiting():
        _run_apart("run_linkage")


@shared_task(name=RUN_INSIGHTS, queue="insights")
@alone()
def run_insights() -> None:
    """Do waiting computations in a process of its own: scikit-learn and what it needs in memory go when it ends."""
    from insights import selectors

    nudge.taken(RUN_INSIGHTS)
    if selectors.runs_wait():
        _run_apart("run_insights")
        nudge.followers()
        # A version that was switched on is to be scored with now, not within the hour.
        plan_insights()


@shared_task(name="cdp.tasks.plan_insights", queue="default")
@alone()
def plan_insights() -> None:
    """Ask for the computations that are due."""
    from insights import services

    if services.plan_runs(now=clock.now()):
        nudge.wake(RUN_INSIGHTS)


@shared_task(name=REFRESH_KPIS, queue="default")
@alone()
def refresh_kpis() -> None:
    """Count the days of the KPIs anew that may have changed."""
    from insights import services

    nudge.taken(REFRESH_KPIS)
    services.refresh_kpis(now=clock.now(), gap=timedelta(minutes=settings.SESSION_MINUTES))


@shared_task(name="cdp.tasks.plan_linkage_training", queue="default")
@alone()
def plan_linkage_training() -> None:
    """Ask for a new model of linkage when the live one is old or the base has changed."""
    from identity.linkage import services

    services.plan_training(now=clock.now())


@shared_task(name="cdp.tasks.audit_consistency", queue="default")
@alone()
def audit_consistency() -> None:
    """Whether pages, API, exports, ledger and channels show the same members; the page shows what was found."""
    from cdp import consistency

    consistency.audit_and_keep(now=clock.now(), by="beat")


@shared_task(name="cdp.tasks.remind_of_reviews", queue="default")
@alone()
def remind_of_reviews() -> None:
    """Mail owners of segments whose review is due."""
    from cdp import reminders

    reminders.remind_of_reviews(now=clock.now())


@shared_task(name="cdp.tasks.check_quality", queue="default")
@alone()
def check_quality() -> None:
    """Raise and close alerts over the figures of quality."""
    from quality import services

    services.check_quality(now=clock.now())


@shared_task(name="cdp.tasks.check_freshness", queue="default")
@alone()
def check_freshness() -> None:
    """Raise and close alerts over the limits of freshness that people set."""
    from quality import services

    services.check_limits(now=clock.now())


@shared_task(name="cdp.tasks.tell_of_alerts", queue="default")
@alone()
def tell_of_alerts() -> None:
    """Tell whoever asked for it of alerts and reports."""
    from connectors import selectors as connectors
    from connectors import services
    from quality import services as quality

    quality.tell(now=clock.now(), sign=services.sign_webhook, names=connectors.source_names())


@shared_task(name="cdp.tasks.write_plan_reports", queue="default")
@alone()
def write_plan_reports() -> None:
    """Write the plan's reports of the month that is over, unless they were written."""
    from quality import services

    services.write_reports(now=clock.now())


@shared_task(name="cdp.tasks.keep_house", queue="default")
@alone()
def keep_house() -> None:
    """Make partitions to come, drop finished ones, trim what is past its time."""
    from connectors import services as connectors
    from events import services as events
    from insights import services as insights

    now = clock.now()
    with pg.connect(autocommit=True) as conn:
        events.keep_house(conn, now=now, dedup_days=settings.DEDUPLICATION_DAYS)
    connectors.keep_house(now=now)
    connectors.expire_exports(now=now)
    insights.expire_tables(now=now)


@shared_task(name="cdp.tasks.beat_heartbeat", queue="default")
@alone()
def beat_heartbeat() -> None:
    """Note that beat and a worker are alive; `doctor` and the home page read it."""
    redis.Redis.from_url(settings.REDIS_URL).set(BEAT_KEY, clock.iso(clock.now()) or "", ex=300)
