"""Counting what rules did, by day, with the last few values before and after."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import psycopg

from common import pg
from quality.cleaning.item import Effect
from quality.plan.observing import example, pii_class

SAMPLES = 5
_WRITE = f"""
insert into quality_cleaningeffect as e
    (day, rule_id, version, source_id, name, pointer, outcome, count, first_at, last_at, samples)
select %(now)s::timestamptz::date, rule_id, version, source_id, name, pointer, outcome, count, %(now)s, %(now)s, samples
from unnest(%(rules)s, %(versions)s, %(sources)s, %(names)s, %(pointers)s, %(outcomes)s, %(counts)s, %(samples)s)
    as n (rule_id, version, source_id, name, pointer, outcome, count, samples)
on conflict (day, rule_id, source_id, name, pointer, outcome) do update set
    count = e.count + excluded.count, last_at = excluded.last_at, version = excluded.version,
    samples = jsonb_path_query_array(excluded.samples || e.samples, '$[0 to {SAMPLES - 1}]')
"""
_Key = tuple[int, int, int, str, str, str]
Counts = dict[_Key, list[Any]]


def add(counts: Counts, message: tuple[int, str], name: str, effects: Sequence[Effect]) -> None:
    """Count these effects of a message (its source, its id)."""
    for one in effects:
        step = one.step
        key = (step.rule_id, step.version, message[0], name[:500], step.pointer, one.outcome)
        found = counts.setdefault(key, [0, []])
        found[0] += 1
        if len(found[1]) < SAMPLES:
            found[1].append(shown(message[1], one))


def shown(message_id: str, effect: Effect) -> dict[str, str]:
    """A sample; what looks personal is masked."""
    pii = pii_class(effect.pointer, effect.before)
    before, after = (_short(effect.pointer, value, pii) for value in (effect.before, effect.after))
    return {"message_id": message_id[:200], "pointer": effect.pointer, "before": before, "after": after}


def _short(pointer: str, value: Any, pii: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return example(pointer, value, pii)


def write(conn: psycopg.Connection[Any], counts: Counts, *, now: datetime) -> None:
    """Add the counts to those of the day. One statement."""
    if not counts:
        return
    keys = sorted(counts)
    with pg.cursor(conn) as cursor:
        cursor.execute(_WRITE, {
            "now": now, "rules": pg.int8s([key[0] for key in keys]), "versions": pg.int4s([key[1] for key in keys]),
            "sources": pg.int4s([key[2] for key in keys]), "names": pg.texts(_text(key[3]) for key in keys),
            "pointers": pg.texts(_text(key[4]) for key in keys), "outcomes": pg.texts(key[5] for key in keys),
            "counts": pg.int8s([counts[key][0] for key in keys]),
            "samples": pg.jsonbs(orjson.dumps(counts[key][1]).replace(b"\\u0000", b"") for key in keys),
        })  # fmt: skip


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd")
