"""The roll call: each worker says that it is there, and which tasks of its queues it does not know.

A worker whose tasks cannot be imported comes up all the same, and Celery throws away what is sent to it. So it says so
itself, every few seconds and for each queue it serves. A thread says it: also while a task takes its time.
"""

import json
import logging
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis
from django.conf import settings

from common import clock

log = logging.getLogger(__name__)

_EVERY = 10.0
# Who has not said anything for this long is away; who was away for days is forgotten.
SILENT = timedelta(seconds=40)
_FORGOTTEN = timedelta(days=1)
_KEPT_SECONDS = 7 * 86_400
_KEY = "cdp:workers:"


@dataclass(frozen=True, slots=True)
class Said:
    """What a worker said last for one queue."""

    queue: str
    node: str
    at: datetime
    unknown: tuple[str, ...]


def begin(node: str, queues: Collection[str], known: Collection[str]) -> None:
    """Say it now and again from a thread, for as long as the process lives."""
    unknown = {queue: sorted(set(tasks_of(queue)) - set(known)) for queue in queues}
    for queue, names in unknown.items():
        if names:
            log.error("this worker serves %s and does not know %s: was cdp.tasks imported?", queue, ", ".join(names))
    threading.Thread(target=_go_on, args=(node, unknown), name="roll call", daemon=True).start()


def _go_on(node: str, unknown: dict[str, list[str]]) -> None:
    client, pause = _client(), threading.Event()
    while True:
        try:
            for queue, names in unknown.items():
                say(client, Said(queue, node, clock.now(), tuple(names)))
        except redis.RedisError:
            pass  # The worker waits for the broker too; who reads takes the silence for what it is.
        pause.wait(_EVERY)


def tasks_of(queue: str) -> list[str]:
    """What the clock sends to a queue."""
    from cdp.schedules import PLANNED

    return [f"cdp.tasks.{one.task}" for one in PLANNED.values() if one.queue == queue]


def queues() -> list[str]:
    """Every queue that needs a worker."""
    from cdp.schedules import PLANNED

    return sorted({one.queue for one in PLANNED.values()})


def say(client: Any, said: Said) -> None:
    """Keep what a worker says of a queue, and forget who was never heard again."""
    key = _KEY + said.queue
    told = {"at": clock.iso(said.at), "unknown": said.unknown}
    client.hset(key, said.node, json.dumps(told))
    client.expire(key, _KEPT_SECONDS)
    for old in _read(client, said.queue):
        if old.at < said.at - _FORGOTTEN:
            client.hdel(key, old.node)


def heard(asked: Iterable[str]) -> dict[str, list[Said]]:
    """What the workers of each queue said last."""
    client = _client()
    return {queue: _read(client, queue) for queue in asked}


def _read(client: Any, queue: str) -> list[Said]:
    found = client.hgetall(_KEY + queue)
    told = {node: json.loads(text) for node, text in found.items()}
    return [
        Said(queue, node, datetime.fromisoformat(one["at"]), tuple(one["unknown"]))
        for node, one in sorted(told.items())
    ]  # fmt: skip


def _client() -> Any:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)
