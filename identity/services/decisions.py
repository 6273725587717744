"""Decisions of stewards about identifiers that are no more: what they changed of these can no longer be undone."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg

from common import pg

_ABOUT = """
select id, effects::text from identity_decision d
where effects <> '{}' and exists (
    select from jsonb_path_query(d.effects, 'strict $.**') v
    where case when jsonb_typeof(v) = 'number' then v::bigint = any(%(ids)s) end
)
"""
_KEEP = """
update identity_decision set effects = %(effects)s::jsonb,
    undone_at = case when %(effects)s = '{}' then coalesce(undone_at, %(now)s) else undone_at end,
    undone_by = case when %(effects)s = '{}' and undone_at is null then 'undo of an import' else undone_by end
where id = %(id)s
"""


def forget_in_decisions(cursor: psycopg.Cursor[Any], gone: Collection[int], *, now: datetime) -> None:
    """Take pairs that name one of these identifiers out of what decisions changed; one of which nothing is left counts
    as undone."""
    wanted = set(gone)
    for decision_id, effects in cursor.execute(_ABOUT, {"ids": pg.int8s(sorted(wanted))}).fetchall():
        left = {
            name: kept
            for name, pairs in json.loads(effects).items()
            if (kept := [pair for pair in pairs if wanted.isdisjoint(pair[:2])])
        }
        cursor.execute(_KEEP, {"id": decision_id, "effects": json.dumps(left), "now": now})
