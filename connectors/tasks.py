"""Celery's door to the sync engine."""

from celery import shared_task

from common import clock
from common.alone import alone
from connectors import services


@shared_task(queue="deliveries", acks_late=True, ignore_result=True)
@alone()
def deliver_due(sync_id: int) -> None:
    """Plan and send what is due for one sync. Safe to run twice, or never: beat calls it again."""
    services.deliver_due(sync_id=sync_id, now=clock.now())
