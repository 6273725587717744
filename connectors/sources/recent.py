"""The message ids that this process has lately made durable: what a verdict of "duplicate" is based on.

It is a courtesy to the sender and decides nothing: the applier deduplicates exactly, over days and all processes.
"""

import threading
from collections.abc import Sequence

_GENERATION = 100_000


class RecentMessages:
    """Two generations of ids; when the younger is full, the older is forgotten."""

    def __init__(self, *, generation: int = _GENERATION) -> None:
        self._generation = generation
        self._young: set[int] = set()
        self._old: set[int] = set()
        self._lock = threading.Lock()

    def note(self, source_id: int, message_ids: Sequence[str]) -> list[bool]:
        """Remember ids that are durable now; tells for each whether it had been noted before."""
        known = []
        with self._lock:
            for message_id in message_ids:
                key = hash((source_id, message_id))
                repeat = key in self._young or key in self._old
                known.append(repeat)
                if not repeat:
                    self._young.add(key)
            if len(self._young) > self._generation:
                self._old, self._young = self._young, set()
        return known
