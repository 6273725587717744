"""What follows the data: segments, syncs, exports, campaigns and messages."""

from celery import shared_task

from cdp import nudge
from cdp.nudge import APPLY_INBOX, DELIVER_SYNCS, RUN_CAMPAIGNS, RUN_PUBLICATIONS, SEND_MESSAGES, WRITE_EXPORTS
from common import clock, pg
from common.alone import alone

# What no worker took by then is dispatched again by the next nudge or beat.
_DELIVER_WITHIN = 10.0
_DUE_BATCH = 5_000


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
