"""Counting what does not fit, by day, source, event, kind and place."""

from datetime import datetime
from typing import Any

import psycopg

from common import pg

_COUNT = """
insert into quality_violation as v (source_id, name, kind, pointer, day, count, first_at, last_at, sample)
select source_id, name, kind, pointer, %(now)s::timestamptz::date, count, %(now)s, %(now)s, sample
from unnest(%(sources)s, %(names)s, %(kinds)s, %(pointers)s, %(counts)s, %(samples)s)
    as n (source_id, name, kind, pointer, count, sample)
on conflict (day, source_id, name, kind, pointer) do update set count = v.count + excluded.count,
    last_at = excluded.last_at, sample = excluded.sample
"""
Counts = dict[tuple[int, str, str, str], list[Any]]


def count(counts: Counts, key: tuple[int, str, str, str], sample: str) -> None:
    """One more (source, event, kind, pointer), with what was found there."""
    found = counts.setdefault((key[0], key[1][:500], key[2], key[3][:500]), [0, ""])
    found[0] += 1
    found[1] = sample or found[1]


def write_counts(conn: psycopg.Connection[Any], counts: Counts, *, now: datetime) -> None:
    """Add to the counts of the day. One statement."""
    if not counts:
        return
    keys = sorted(counts)
    with pg.cursor(conn) as cursor:
        cursor.execute(_COUNT, {
            "now": now, "sources": pg.int4s([key[0] for key in keys]), "names": pg.texts(key[1] for key in keys),
            "kinds": pg.texts(key[2] for key in keys), "pointers": pg.texts(key[3] for key in keys),
            "counts": pg.int8s([counts[key][0] for key in keys]),
            "samples": pg.texts(counts[key][1].replace("\x00", "") for key in keys),
        })  # fmt: skip
