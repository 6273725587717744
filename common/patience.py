"""Asking what may be away or hang, for so long and no longer.

A database that is stopped answers nothing, and no option of libpq ends the wait. So the question is asked by a thread
beside, and whoever waits goes away in time. After a failure nobody is asked for a moment: that costs nothing, and a
server that comes back is not met by everybody at once.
"""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import close_old_connections, connections

T = TypeVar("T")


class Away(RuntimeError):
    """There was no answer in time, or none at all; the cause is chained where there is one."""


class Patience:
    """Up to `threads` questions at a time, each for `seconds`. Threads keep their database connection."""

    def __init__(self, *, seconds: float, threads: int = 4, rest: float = 1.0, failures: tuple[type[Exception], ...]):
        self.seconds = seconds
        self._threads = threads
        self._rest = rest
        self._failures = failures
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._started: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._resting_until = 0.0

    def ask(self, work: Callable[[], T], *, seconds: float = 0.0) -> T:
        """What `work` gives, within the usual time or the `seconds` given. Raises Away when it fails with one of the
        failures, takes too long, or did so just now; any other error of `work` is raised as it is."""
        if time.monotonic() < self._resting_until:
            raise Away("It did not answer a moment ago.")
        self._start()
        answer: Future[T] = Future()
        self._waiting.put((answer, work))
        try:
            return answer.result(seconds or self.seconds)
        except TimeoutError:
            answer.cancel()
            self._resting_until = time.monotonic() + self._rest
            raise Away(f"There was no answer for {seconds or self.seconds} s.") from None
        except self._failures as failure:
            self._resting_until = time.monotonic() + self._rest
            raise Away(str(failure)) from failure

    def let_go(self) -> None:
        """End the threads and their connections; the next question starts others."""
        with self._lock:
            ended, self._started = self._started, []
            self._resting_until = 0.0
        for _ in ended:
            self._waiting.put(None)
        for thread in ended:
            thread.join(self.seconds)

    def _start(self) -> None:
        if len(self._started) == self._threads:
            return
        with self._lock:
            while len(self._started) < self._threads:
                thread = threading.Thread(target=self._serve, daemon=True, name="patience")
                self._started.append(thread)
                thread.start()

    def _serve(self) -> None:
        while (one := self._waiting.get()) is not None:
            answer, work = one
            if not answer.set_running_or_notify_cancel():
                continue  # nobody waits for it any more
            try:
                # As at the start of a request: a connection that broke is opened anew.
                close_old_connections()
                answer.set_result(work())
            except BaseException as failure:  # noqa: BLE001 - it is raised where it was asked
                answer.set_exception(failure)
        connections.close_all()
