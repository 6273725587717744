"""Counting in the pipeline: a few look-ups an event and one statement a batch."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from events.services import Batch

_LONGEST_MS = 366 * 86_400_000
_WRITE = """
insert into quality_dayfigure as f (day, source_id, name, volume, duplicates, lookalikes, judged, faulty, set_aside,
                                    delay_ms, last_at)
select %(now)s::timestamptz::date, source_id, name, volume, duplicates, lookalikes, judged, faulty, set_aside, delay_ms,
       %(now)s
from unnest(%(sources)s, %(names)s, %(volumes)s, %(duplicates)s, %(lookalikes)s, %(judged)s, %(faulty)s, %(aside)s,
            %(delays)s)
    as n (source_id, name, volume, duplicates, lookalikes, judged, faulty, set_aside, delay_ms)
on conflict (day, source_id, name) do update set volume = f.volume + excluded.volume,
    duplicates = f.duplicates + excluded.duplicates, lookalikes = f.lookalikes + excluded.lookalikes,
    judged = f.judged + excluded.judged, faulty = f.faulty + excluded.faulty,
    set_aside = f.set_aside + excluded.set_aside, delay_ms = f.delay_ms + excluded.delay_ms, last_at = excluded.last_at
"""
# Twins happen within so long of each other; a person who buys twice takes longer.
TWIN_US = 10_000_000
# Twice as many at the most, of 120 bytes each. A worker that takes in 10,000 events a second remembers the last 6 to 12
# seconds of coming; where it takes in fewer, longer.
_REMEMBERED = 60_000
_Key = tuple[int, str]


class FiguresStage:
    """What a process remembers of the last events, to tell twins. One a process."""

    def __init__(self) -> None:
        self._new: dict[int, int] = {}
        self._old: dict[int, int] = {}

    def note(
        self, conn: psycopg.Connection[Any], *, came: Batch, fresh: Batch, aside: Batch, judged: Collection[_Key],
        faulty: Collection[tuple[int, str]], now: datetime,
    ) -> None:  # fmt: skip
        """Count a batch: what came, what of it was new, what is in the quarantine; `judged` are the events (source,
        name) that rules or the plan looked at, `faulty` the messages (source, id) of which something did not hold."""
        counted, new, off = (Counter(zip(one.source_ids, one.names, strict=True)) for one in (came, fresh, aside))
        wrong = _wrong(fresh, faulty)
        twins, delays = self._twins(fresh), _delays(fresh)
        _write(conn, {
            key: (new[key], counted[key] - new[key], twins[key], new[key] if key in judged else 0, wrong[key],
                  off[key], delays[key]) for key in counted
        }, now=now)  # fmt: skip

    def forget(self) -> None:
        """After a rollback: what was remembered may come again."""
        self._new, self._old = {}, {}

    def _twins(self, batch: Batch) -> Counter[_Key]:
        """Events that were called by name with the same content as another of the same person and source, a few seconds
        apart, under another message id."""
        found: Counter[_Key] = Counter()
        for item, source, name, properties, at in zip(
            batch.items, batch.source_ids, batch.names, batch.properties, batch.occurred_us, strict=True
        ):
            if len(properties) < 3 or item.type != "track":
                continue
            told = hash((source, name, str(item.userId), str(item.anonymousId), properties))
            before = self._new.get(told)
            if before is None:
                before = self._old.get(told)
            if before is not None and abs(at - before) <= TWIN_US:
                found[source, name] += 1
            self._new[told] = at
        if len(self._new) > _REMEMBERED:
            self._old, self._new = self._new, {}
        return found


def _wrong(batch: Batch, faulty: Collection[tuple[int, str]]) -> Counter[_Key]:
    if not faulty:
        return Counter()
    rows = zip(batch.source_ids, batch.names, batch.message_ids, strict=True)
    return Counter((source, name) for source, name, message in rows if (source, message) in faulty)


def _delays(batch: Batch) -> Counter[_Key]:
    """Milliseconds from happening to coming in, a year an event at the most: history that is brought in by the hundred
    millions a day must fit a bigint."""
    found: Counter[_Key] = Counter()
    for source, name, received, occurred in zip(
        batch.source_ids, batch.names, batch.received_us, batch.occurred_us, strict=True
    ):
        if received > occurred:
            found[source, name] += min((received - occurred) // 1_000, _LONGEST_MS)
    return found


def _write(conn: psycopg.Connection[Any], counts: dict[_Key, tuple[int, ...]], *, now: datetime) -> None:
    # Long names that begin alike are one here, as they are in the catalogue.
    merged: dict[_Key, list[int]] = {}
    for (source, name), numbers in counts.items():
        key = (source, name[:500].replace("\x00", "\ufffd"))
        merged[key] = [a + b for a, b in zip(merged.get(key, [0] * len(numbers)), numbers, strict=True)]
    rows = sorted(merged.items())
    names = ("volumes", "duplicates", "lookalikes", "judged", "faulty", "aside", "delays")
    with pg.cursor(conn) as cursor:
        cursor.execute(_WRITE, {
            "now": now, "sources": pg.int4s([key[0] for key, _ in rows]), "names": pg.texts(key[1] for key, _ in rows),
            **{name: pg.int8s([numbers[n] for _, numbers in rows]) for n, name in enumerate(names)},
        })  # fmt: skip
