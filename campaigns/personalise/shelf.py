"""The slots as this process knows them: read every two seconds, and kept while nobody can be asked."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec

from campaigns.bandits.selectors import bandits
from campaigns.bandits.shapes import BanditView
from campaigns.experiments.deciding import Live, live, running_holdouts
from campaigns.personalise.selectors import slots
from campaigns.personalise.shapes import SlotView, Unavailable
from common.patience import Away
from segments import selectors as segments

FRESH_SECONDS = 2.0
_FIRST_SECONDS = 5.0


class Shelf(msgspec.Struct, frozen=True):
    """All that a decision needs beside the person."""

    slots: Mapping[str, SlotView]
    segment_ids: Mapping[str, int]
    experiments: Mapping[str, Live]
    bandits: Mapping[str, BanditView]
    holdouts: Sequence[Live]


def read() -> Shelf:
    """The shelf as the database has it now."""
    views = {one.slug: one for one in slots()}
    rules = [rule for one in views.values() for rule in one.document.rules]
    asked = {rule.show.experiment for rule in rules if rule.show.experiment}
    return Shelf(
        views, {one.slug: one.id for one in segments.segments()}, live(sorted(asked)),
        {one.slug: one for one in bandits()}, running_holdouts(),
    )  # fmt: skip


class Shelves:
    """Gives the newest shelf there is. `ask` runs the reading, and raises Away when there is no answer."""

    def __init__(self, ask: Callable[..., Shelf]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._held: Shelf | None = None
        self._read_at = -1e9

    def now(self) -> Shelf:
        """At most two seconds old while the database answers, else the last that is known. Raises Unavailable."""
        if self._held is not None and time.monotonic() - self._read_at < FRESH_SECONDS:
            return self._held
        with self._lock:
            if self._held is not None and time.monotonic() - self._read_at < FRESH_SECONDS:
                return self._held
            try:
                # Before anything is known there is nothing to show in its place: that is worth a longer wait.
                self._held = self._ask(read, seconds=0.0 if self._held else _FIRST_SECONDS)
                self._read_at = time.monotonic()
            except Away as why:
                if self._held is None:
                    raise Unavailable("The slots were never read: the database does not answer.") from why
            return self._held
