"""Taking events out of the log whose time is over: row by row, or a whole partition at once.

The caller owns the transaction and the turn, so that what is counted of the log can follow in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql

from events.partitions import log_ends
from events.retention import Expiry

_PAGES = 2_000
# Who comes first by the index of persons: an identifier's events go in one slice, or two.
_COUNTED = """
with chosen as (
    select e.ctid as place, {rule} as rule from {partition} e
    where e.identifier_id >= %(after)s and e.name = any(%(names)s) and e.occurred_at < %(latest)s
      and e.occurred_at < {horizon}
    order by e.identifier_id limit %(limit)s
)
delete from {partition} e using chosen where e.ctid = chosen.place returning e.identifier_id, e.name, chosen.rule
"""
_OTHERS = """
with chosen as (
    select e.ctid as place, {rule} as rule from {partition} e
    where e.ctid >= %(first)s::tid and e.ctid < %(last)s::tid and e.name <> all(%(names)s)
      and e.occurred_at < %(latest)s and e.occurred_at < {horizon}
)
delete from {partition} e using chosen where e.ctid = chosen.place returning chosen.rule
"""


@dataclass(slots=True)
class Gone:
    """What one slice took out: how many events by rule, of which identifiers, under which names."""

    by_rule: dict[int, int] = field(default_factory=dict)
    identifier_ids: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)

    def add(self, rule: int) -> None:
        self.by_rule[rule] = self.by_rule.get(rule, 0) + 1


@dataclass(frozen=True, slots=True)
class OldPart:
    """A partition of the log in which something may be over; `whole`: everything in it is."""

    name: str
    whole: bool


def old_parts(conn: psycopg.Connection[Any], expiry: Expiry) -> list[OldPart]:
    """The partitions that begin before anything may go, the oldest first."""
    if expiry.latest is None:
        return []
    every = expiry.everything_before()
    found = [
        OldPart(name, every is not None and end is not None and end <= every)
        for name, begin, end in log_ends(conn)
        if begin is None or begin < expiry.latest
    ]
    return [part for part in found if part.whole or _any(conn, part, expiry)]


def _any(conn: psycopg.Connection[Any], part: OldPart, expiry: Expiry) -> bool:
    text = (
        "select exists (select from {partition} e where e.occurred_at < %(latest)s and e.occurred_at < "
        + expiry.horizon
        + ")"
    )
    with psycopg.Cursor(conn) as cursor:
        row = cursor.execute(_about(part, text), expiry.params).fetchone()
    return bool(row and row[0])


def take_counted(
    conn: psycopg.Connection[Any], part: OldPart, expiry: Expiry, *, names: Sequence[str], after: int, limit: int
) -> tuple[Gone, int | None]:
    """Delete the next events under these names that are over, in order of identifiers; and where the next slice begins
    (None: there is no more)."""
    given = {**expiry.params, "names": list(names), "after": after, "limit": limit}
    gone, last = Gone(), after
    with psycopg.Cursor(conn) as cursor:
        text = _COUNTED.replace("{rule}", expiry.rule).replace("{horizon}", expiry.horizon)
        rows = cursor.execute(_about(part, text), given).fetchall()
    for identifier, name, rule in rows:
        gone.add(rule)
        gone.identifier_ids.add(identifier)
        gone.names.add(name)
        last = max(last, identifier)
    return gone, last if len(rows) == limit else None


def take_others(
    conn: psycopg.Connection[Any], part: OldPart, expiry: Expiry, *, names: Sequence[str], page: int
) -> tuple[Gone, int | None]:
    """Delete what is over on the next pages and not under these names; and the page where the next slice begins."""
    if page * _page_bytes(conn) >= _size(conn, part):
        return Gone(), None
    bounds = {"first": f"({page},0)", "last": f"({page + _PAGES},0)"}
    gone = Gone()
    with psycopg.Cursor(conn) as cursor:
        text = _OTHERS.replace("{rule}", expiry.rule).replace("{horizon}", expiry.horizon)
        for (rule,) in cursor.execute(_about(part, text), {**expiry.params, "names": list(names), **bounds}):
            gone.add(rule)
    return gone, page + _PAGES


def count_part(conn: psycopg.Connection[Any], part: OldPart, expiry: Expiry) -> Gone:
    """What is in a partition of which everything is over."""
    text = "select {rule} as rule, count(*) from {partition} e group by 1".replace("{rule}", expiry.rule)
    with psycopg.Cursor(conn) as cursor:
        rows = cursor.execute(_about(part, text), expiry.params).fetchall()
    return Gone({int(rule): int(number) for rule, number in rows})


def drop_part(conn: psycopg.Connection[Any], part: OldPart, *, names: Sequence[str], since: datetime) -> bool:
    """Drop a partition in which everything is over and nothing was counted; False when events under these names were
    received `since`. Raises LockNotAvailable when somebody reads the log: try again later."""
    if not part.whole:
        raise ValueError(f"{part.name} holds events that stay")
    text = "select exists (select from {partition} e where e.received_at >= %(since)s and e.name = any(%(names)s))"
    with psycopg.Cursor(conn) as cursor:
        cursor.execute("set local lock_timeout = '300ms'")
        found = cursor.execute(_about(part, text), {"since": since, "names": list(names)}).fetchone()
        if found and found[0]:
            return False
        cursor.execute(sql.SQL("drop table {}").format(sql.Identifier(part.name)))
    return True


def _about(part: OldPart, text: str) -> sql.Composed:
    return sql.Composed([sql.SQL(text.replace("{partition}", f'"{part.name}"'))])


def _size(conn: psycopg.Connection[Any], part: OldPart) -> int:
    row = conn.execute("select pg_relation_size(%s)", [part.name]).fetchone()
    return int(row[0]) if row else 0


def _page_bytes(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute("select current_setting('block_size')::int").fetchone()
    return int(row[0]) if row else 8192
