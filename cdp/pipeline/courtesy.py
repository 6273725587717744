"""Work of the lowest priority gives way: it begins a step when no event waits, and never has more than a small share of
the time while some do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

import events.services as events

# While events wait, for every second of such work so many seconds are theirs: at most one part in twenty is ours.
_THEIRS = 19.0
# Who begins has done nothing yet, and gives way as after a step of so many seconds.
_FIRST = 0.3
_LOOK = 0.005


class Courtesy:
    """`give_way` before each step, and do the step inside `step`."""

    def __init__(self) -> None:
        self._theirs_until = time.monotonic() + _FIRST * _THEIRS

    def give_way(self, conn: psycopg.Connection[Any]) -> None:
        """Wait until no accepted event waits, or until the others had their time."""
        while time.monotonic() < self._theirs_until and events.waiting(conn):
            time.sleep(_LOOK)

    @contextmanager
    def step(self) -> Iterator[None]:
        """What the block takes is owed to the others."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._theirs_until = ended + (ended - began) * _THEIRS
