"""The Celery application: which task goes to which queue."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_ready
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp.settings")
# Every start migrates first, which checks the settings; here the checks would load every page into each worker.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

app = Celery("cdp")


def broker_url(redis_url: str) -> str:
    """Kombu's name for a Redis behind a unix socket differs from redis-py's."""
    if not redis_url.startswith("unix://"):
        return redis_url
    path, _, query = redis_url.removeprefix("unix://").partition("?")
    database = dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair).get("db", "0")
    return f"redis+socket://{path}?virtual_host={database}"


app.conf.update(
    broker_url=broker_url(settings.REDIS_URL),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True, "health_check_interval": 10},
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    task_ignore_result=True,
    # A task that dies with its worker is run again: every task is written to be repeatable.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    task_default_queue="default",
    task_routes={
        "cdp.tasks.apply_inbox": {"queue": "pipeline"},
        "cdp.tasks.deliver_syncs": {"queue": "deliveries"},
        "cdp.tasks.link_profiles": {"queue": "linkage"},
        "cdp.tasks.run_insights": {"queue": "insights"},
        "cdp.tasks.send_messages": {"queue": "messages"},
        "cdp.tasks.send_by_channel": {"queue": "messages"},
    },
    # What it starts and when is in the database (cdp/schedules.py).
    beat_scheduler="cdp.beat:Scheduler",
    beat_max_loop_interval=1,
    timezone="UTC",
    enable_utc=True,
)


@celeryd_init.connect
def _find_tasks(**_: object) -> None:
    """Workers load what they do; beat sends names only and would hold 150 MB of libraries for nothing."""
    app.autodiscover_tasks(["cdp", "connectors"], force=True)


@worker_ready.connect
def _say_what_is_known(sender: Any, **_: object) -> None:
    """Celery logs a failure of the import above and goes on with no task: health must tell it."""
    from cdp import rollcall

    rollcall.begin(sender.hostname, list(app.amqp.queues.consume_from), list(app.tasks))
