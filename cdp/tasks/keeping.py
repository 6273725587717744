"""What keeps the house: consistency, quality, alerts, reports, reminders, partitions, the heartbeat."""

import redis
from celery import shared_task
from django.conf import settings

from cdp import nudge
from cdp.nudge import CHECK_QUALITY
from cdp.vitals import BEAT_KEY
from common import clock, pg
from common.alone import alone


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


@shared_task(name=CHECK_QUALITY, queue="default")
@alone()
def check_quality() -> None:
    """Raise and close alerts over the figures of quality, and over documents that cannot be read."""
    from cdp.pipeline import damaged
    from quality import services

    nudge.taken(CHECK_QUALITY)
    damaged.tell_of_unreadable(now=clock.now())
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
