"""A long task holds few of its worker's threads, however often the clock and others ask for it."""

import threading
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

Work = Callable[..., None]


def alone(*, most: int = 1) -> Callable[[Work], Work]:
    """At most `most` turns of a task run side by side in this process, for each set of arguments.

    A turn that comes while all of them run ends at once, and one of those does its work once more afterwards: whatever
    was asked for meanwhile is seen. Other processes have turns of their own; what two of them must not do at once, the
    database keeps apart.
    """

    def one_of_a_kind(work: Work) -> Work:
        places = _Places(most)

        @wraps(work)
        def turn(*about: Any) -> None:
            if not places.take(about):
                return
            try:
                work(*about)
                while not places.leave(about):
                    work(*about)
            except BaseException:
                places.give_up(about)
                raise

        return turn

    return one_of_a_kind


class _Places:
    """Who runs, and for what somebody came in vain."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._running: Counter[tuple[Any, ...]] = Counter()
        self._asked: set[tuple[Any, ...]] = set()

    def take(self, about: tuple[Any, ...]) -> bool:
        """A place, or False when all are taken; that somebody asked is noted then."""
        with self._lock:
            if self._running[about] >= self._most:
                self._asked.add(about)
                return False
            self._running[about] += 1
            return True

    def leave(self, about: tuple[Any, ...]) -> bool:
        """The place is free again, or False when somebody asked meanwhile: then it is kept for another turn."""
        with self._lock:
            if about in self._asked:
                self._asked.discard(about)
                return False
            self._running[about] -= 1
            return True

    def give_up(self, about: tuple[Any, ...]) -> None:
        """The place is free again, whatever was asked: the next turn sees it."""
        with self._lock:
            self._running[about] -= 1
