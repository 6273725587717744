"""Which messages have been seen: exact, in the memory of the one applier, and durable with each batch.

A message is known by 64 bits of BLAKE2b over (source, message id). A batch's hashes go to one row of `events_seen` in
the transaction that applies it, and live here as sorted runs, eight bytes a message: probing a batch is a binary
search in numpy. With N messages in the window a new message is taken for a repeat with odds N / 2^64 (5 in 10^13 at
ten million).
"""

import hashlib
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

Hashes = npt.NDArray[np.uint64]

_LOAD = """
select day, max(id), string_agg(hashes, '') from events_seen
where id > %(after)s and day >= %(since)s group by day order by day
"""
_SAVE = "insert into events_seen (day, hashes) values (%(day)s, %(hashes)s) returning id"
_UNSEEN = "select applied from events_cursor where name = 'unseen'"
_MAX_RUNS = 6


def message_hash(source_id: int, message_id: str) -> int:
    """64 bits that stand for one message of one source."""
    data = hashlib.blake2b(b"%d:%b" % (source_id, message_id.encode()), digest_size=8).digest()
    return int.from_bytes(data, "little")


class SeenMessages:
    """The messages of the last days. Nothing staged counts until `commit`; `rollback` forgets it."""

    def __init__(self, *, days: int) -> None:
        self._days = days
        self._runs: dict[date, list[Hashes]] = {}
        self._loaded_to = 0
        self._unseen = -1
        self._staged: tuple[date, Hashes, int] | None = None

    def renew(self, conn: psycopg.Connection[Any]) -> None:
        """After somebody else had the turn: when messages were taken back (`events.removing.unsee`), know nothing."""
        found = conn.execute(_UNSEEN).fetchone()
        times = int(found[0]) if found else 0
        if times != self._unseen:
            self._runs.clear()
            self._loaded_to, self._unseen = 0, times

    def catch_up(self, conn: psycopg.Connection[Any], *, today: date) -> None:
        """Read what other processes have applied since, and let go of days past the window."""
        since = today - timedelta(days=self._days)
        for day in [day for day in self._runs if day < since]:
            del self._runs[day]
        for day, last_id, hashes in conn.execute(_LOAD, {"after": self._loaded_to, "since": since}, binary=True):
            self._add(day, np.sort(np.frombuffer(hashes, dtype=np.uint64)))
            self._loaded_to = max(self._loaded_to, last_id)

    def fresh(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """True for each message that is neither known nor a repeat of an earlier one in the same batch."""
        unique, first = np.unique(hashes, return_index=True)
        known = np.zeros(len(unique), dtype=bool)
        for runs in self._runs.values():
            for run in runs:
                places = np.searchsorted(run, unique)
                places[places == len(run)] = 0
                known |= run[places] == unique
        mask = np.zeros(len(hashes), dtype=bool)
        mask[first[~known]] = True
        return mask

    def stage(self, conn: psycopg.Connection[Any], hashes: Hashes, *, today: date) -> None:
        """Write a batch's fresh messages; they count here from `commit` on."""
        if not len(hashes):
            return
        saved = conn.execute(_SAVE, {"day": today, "hashes": hashes.tobytes()}).fetchall()
        self._staged = (today, np.sort(hashes), saved[0][0])

    def commit(self) -> None:
        """The batch is durable: its messages are known from now on."""
        if self._staged is not None:
            day, hashes, row_id = self._staged
            self._add(day, hashes)
            self._loaded_to = max(self._loaded_to, row_id)
            self._staged = None

    def rollback(self) -> None:
        """The batch was not applied: its messages are unknown again."""
        self._staged = None

    def __len__(self) -> int:
        return sum(len(run) for runs in self._runs.values() for run in runs)

    def _add(self, day: date, run: Hashes) -> None:
        """Keep few runs a day: a new one swallows all that are not more than twice its size."""
        runs = self._runs.setdefault(day, [])
        while runs and (len(runs[-1]) <= 2 * len(run) or len(runs) >= _MAX_RUNS):
            run = np.sort(np.concatenate([runs.pop(), run]), kind="stable")
        runs.append(run)


def consolidate(conn: psycopg.Connection[Any], *, today: date, days: int) -> None:
    """Housekeeping: drop what is past the window, and put the rows of closed days together."""
    conn.execute("delete from events_seen where day < %s", [today - timedelta(days=days)])
    conn.execute(
        """
        with crowded as (
            select day from events_seen where day < %(today)s group by day having count(*) > 1
        ), gone as (
            delete from events_seen where day in (select day from crowded) returning id, day, hashes
        )
        insert into events_seen (id, day, hashes) overriding system value
        select max(id), day, string_agg(hashes, '') from gone group by day
        """,
        {"today": today},
    )
