"""Rows compared with what earlier runs saw of them: a statement for a chunk, whatever its size."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg

from common import pg
from identity.contracts import IdentifierKey

_KNOWN = """
select v.n, r.digest = v.digest from unnest(%(keys)s, %(digests)s) with ordinality v (key, digest, n)
join connectors_pulledrow r on r.pull_id = %(pull)s and r.key = v.key
"""
_REMEMBER = """
insert into connectors_pulledrow (pull_id, key, digest, run, who)
select %(pull)s, v.key, v.digest, %(run)s, v.who from unnest(%(keys)s, %(digests)s, %(who)s) v (key, digest, who)
on conflict (pull_id, key) do update set digest = excluded.digest, run = excluded.run, who = excluded.who
"""
_COUNT = """
select count(*) filter (where run < %(run)s), count(*) from connectors_pulledrow where pull_id = %(pull)s
"""
_GONE = """
delete from connectors_pulledrow r using (
    select key from connectors_pulledrow where pull_id = %(pull)s and key > %(after)s and run < %(run)s
    order by key limit %(most)s
) g where r.pull_id = %(pull)s and r.key = g.key returning r.key, r.who::text
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One row by its digests; `who` its identifiers where they are kept."""

    key: bytes
    digest: bytes
    who: Sequence[IdentifierKey] | None = None


def changed(conn: psycopg.Connection[Any], *, pull_id: int, rows: Sequence[Seen]) -> list[bool]:
    """For each row whether it is new, or another than it was."""
    given = {"pull": pull_id, "keys": pg.byteas(row.key for row in rows), "digests": pg.byteas(r.digest for r in rows)}
    same = {n for n, equal in pg.cursor(conn).execute(_KNOWN, given).fetchall() if equal}
    return [place not in same for place in range(1, len(rows) + 1)]


def remember(conn: psycopg.Connection[Any], *, pull_id: int, run_id: int, rows: Sequence[Seen]) -> None:
    """Keep what the run saw. Of rows with the same key the last one counts."""
    latest = list({row.key: row for row in rows}.values())
    if latest:
        pg.cursor(conn).execute(_REMEMBER, {
            "pull": pull_id, "run": run_id, "keys": pg.byteas(row.key for row in latest),
            "digests": pg.byteas(row.digest for row in latest),
            "who": pg.jsonbs(None if row.who is None else orjson.dumps([*map(list, row.who)]) for row in latest),
        })  # fmt: skip


def count_gone(conn: psycopg.Connection[Any], *, pull_id: int, run_id: int) -> tuple[int, int]:
    """How many rows the run did not see, and how many there were in all."""
    found = conn.execute(_COUNT, {"pull": pull_id, "run": run_id}).fetchone()
    return (int(found[0]), int(found[1])) if found else (0, 0)


def forget_gone(
    conn: psycopg.Connection[Any], *, pull_id: int, run_id: int, after: bytes, most: int
) -> list[tuple[bytes, list[IdentifierKey]]]:
    """Forget up to `most` rows beyond the key `after` that the run did not see; their keys in order, with their
    identifiers."""
    given = {"pull": pull_id, "run": run_id, "after": after, "most": most}
    found = pg.cursor(conn).execute(_GONE, given).fetchall()
    return sorted((bytes(key), [IdentifierKey(*one) for one in pg.from_jsonb(who) or ()]) for key, who in found)
