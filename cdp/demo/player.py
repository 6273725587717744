"""Sending a play over the real HTTP API as a server-side SDK does: batches, a kept connection, retries. No Django."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Any

import httpx
import orjson

BATCH = 100
_PATIENCE = 120.0
_TELL_EVERY = 1.0
_AGAIN = {408, 425, 429, 500, 502, 503, 504}


class PlayFailed(Exception):
    """The server could not be reached, or would not take a batch, for as long as we were willing to wait."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one channel's messages."""

    channel: str
    messages: int
    refused: int


class _Tally:
    """How many messages the channels' threads have sent together."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.total = 0

    def add(self, n: int) -> None:
        """Count `n` more."""
        with self._lock:
            self.total += n


def play(
    *,
    base_url: str,
    channels: Mapping[str, Sequence[dict[str, Any]]],
    write_keys: Mapping[str, str],
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[Sent]:
    """Play all channels at the same time, each in its own order. Raises PlayFailed when one of them cannot go on.

    `on_progress` is told every second, in the caller's thread, how many messages have been sent.
    """
    tally = _Tally()
    with ThreadPoolExecutor(max_workers=len(channels), thread_name_prefix="demo") as pool:
        running = [
            pool.submit(_channel, base_url, name, write_keys[name], messages, tally)
            for name, messages in channels.items()
        ]
        while wait(running, timeout=_TELL_EVERY).not_done:
            on_progress(tally.total)
        on_progress(tally.total)
        return [one.result() for one in running]


def _channel(base_url: str, name: str, key: str, messages: Sequence[dict[str, Any]], tally: _Tally) -> Sent:
    refused = 0
    with httpx.Client(base_url=base_url, auth=(key, ""), timeout=30, trust_env=False) as client:
        for batch in _batches(messages):
            refused += _send(client, batch)
            tally.add(len(batch))
    return Sent(channel=name, messages=len(messages), refused=refused)


def _batches(messages: Sequence[dict[str, Any]]) -> Iterator[Sequence[dict[str, Any]]]:
    for start in range(0, len(messages), BATCH):
        yield messages[start : start + BATCH]


def _send(client: httpx.Client, batch: Sequence[dict[str, Any]]) -> int:
    """Send one batch until it is taken; returns how many of its items were refused."""
    deadline = time.monotonic() + _PATIENCE
    pause = 0.2
    while True:
        problem = ""
        try:
            answer = client.post("/v1/batch", content=_body(batch), headers={"Content-Type": "application/json"})
        except httpx.TransportError as error:
            problem = f"{type(error).__name__}: {error}"
        else:
            if answer.status_code == httpx.codes.OK:
                return _refused(answer)
            problem = f"HTTP {answer.status_code}: {answer.text[:200]}"
            if answer.status_code not in _AGAIN:
                raise PlayFailed(problem)
        if time.monotonic() > deadline:
            raise PlayFailed(problem)
        time.sleep(pause)
        pause = min(pause * 2, 5.0)


def _body(batch: Sequence[dict[str, Any]]) -> bytes:
    sent_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return orjson.dumps({"batch": batch, "sentAt": sent_at})


def _refused(answer: httpx.Response) -> int:
    return int(answer.json()["refused"])
