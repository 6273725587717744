"""Waking a task soon, without a message for each event: nudges are coalesced here and in Valkey.

A nudge that is lost costs latency only, never data: beat starts the same tasks every few seconds.
"""

import logging
import threading
import time
from functools import lru_cache

import redis
from django.conf import settings

from cdp.celery import app

log = logging.getLogger(__name__)

APPLY_INBOX = "cdp.tasks.apply_inbox"
DELIVER_SYNCS = "cdp.tasks.deliver_syncs"
WRITE_EXPORTS = "cdp.tasks.write_exports"
RUN_IMPORTS = "cdp.tasks.run_imports"
READ_PULLS = "cdp.tasks.read_pulls"
RUN_UNDOS = "cdp.tasks.run_undos"
RUN_ERASURES = "cdp.tasks.run_erasures"
RUN_PUBLICATIONS = "cdp.tasks.run_publications"
APPLY_RETENTION = "cdp.tasks.apply_retention"
RUN_REPLAYS = "cdp.tasks.run_replays"
ANALYSE_EXPERIMENTS = "cdp.tasks.analyse_experiments"
RUN_INSIGHTS = "cdp.tasks.run_insights"
REFRESH_KPIS = "cdp.tasks.refresh_kpis"
CHECK_QUALITY = "cdp.tasks.check_quality"
RUN_CAMPAIGNS = "cdp.tasks.run_campaigns"
SEND_MESSAGES = "cdp.tasks.send_messages"

_AT_MOST_EVERY = 0.02
_AFTER_FAILURE = 2.0
_HELD_SECONDS = 30


def waiting_key(task: str) -> str:
    """The Valkey key that stands while a nudge for `task` waits to be taken up."""
    return f"cdp:nudged:{task}"


class Nudge:
    """Call it after each commit that `task` should look at; it is cheap and never raises."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._next = 0.0
        self._lock = threading.Lock()
        self._redis = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.2)

    def __call__(self) -> None:
        moment = time.monotonic()
        with self._lock:
            if moment < self._next:
                return
            self._next = moment + _AT_MOST_EVERY
        try:
            if self._redis.set(waiting_key(self._task), 1, nx=True, ex=_HELD_SECONDS):
                app.send_task(self._task, ignore_result=True, retry=False)
        except Exception as failure:  # noqa: BLE001 — whatever the broker does, the event is safe already
            self._next = moment + _AFTER_FAILURE
            log.warning("cannot nudge %s (%s); beat will start it", self._task, failure)


@lru_cache(maxsize=16)
def of(task: str) -> Nudge:
    """This process's nudge for a task."""
    return Nudge(task)


def wake(task: str) -> None:
    """Nudge a task."""
    of(task)()


def followers() -> None:
    """Nudge all that follow memberships and events: syncs and campaigns."""
    wake(DELIVER_SYNCS)
    wake(RUN_CAMPAIGNS)


def moved() -> None:
    """People went on in campaigns: what they were told to be goes to the inbox, and messages may be due."""
    wake(APPLY_INBOX)
    wake(SEND_MESSAGES)


def taken(task: str) -> None:
    """The task has begun: from now on a new nudge must send a new message."""
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=0.5).delete(waiting_key(task))
    except redis.RedisError as failure:
        log.warning("cannot clear the nudge of %s: %s", task, failure)
