"""Partitions by time: made before they are needed, dropped when they are done.

A new partition is made apart and attached, because `create table … partition of` would lock the whole log.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import errors, sql

MONTHLY_SINCE = 2024
_HOUR = timedelta(hours=1)
_INBOX_AHEAD = timedelta(hours=48)

Span = tuple[str, datetime, datetime]


def log_span(moment: datetime) -> Span:
    """The partition of the log that holds `moment`: a month, or a year for times long past."""
    if moment.year < MONTHLY_SINCE:
        return f"events_event_{moment.year}", _month(moment.year, 1), _month(moment.year + 1, 1)
    start = _month(moment.year, moment.month)
    following = _month(moment.year + moment.month // 12, moment.month % 12 + 1)
    return f"events_event_{start:%Y_%m}", start, following


def inbox_span(moment: datetime) -> Span:
    """The partition of the inbox that holds `moment`: an hour."""
    start = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return f"events_inbox_{start:%Y%m%d_%H}", start, start + _HOUR


def ensure_log(conn: psycopg.Connection[Any], moments: Iterable[datetime]) -> list[str]:
    """Make the log's partitions for these moments where they are missing; returns the names of all of them."""
    spans = {log_span(moment.astimezone(UTC)) for moment in moments}
    for span in sorted(spans):
        _ensure(conn, "events_event", span)
    return [name for name, _, _ in spans]


def ensure_inbox(conn: psycopg.Connection[Any], *, now: datetime) -> None:
    """Make the inbox's partitions for the next two days, so that accepting never waits for housekeeping."""
    hours = int(_INBOX_AHEAD / _HOUR)
    for ahead in range(-1, hours):
        _ensure(conn, "events_inbox", inbox_span(now + ahead * _HOUR))


def drop_done_inbox(conn: psycopg.Connection[Any], *, now: datetime) -> list[str]:
    """Drop the inbox's partitions whose hour is over and whose every row has been applied."""
    dropped = []
    for name in _partitions_before(conn, "events_inbox", inbox_span(now - _HOUR)[0]):
        if _fully_applied(conn, name):
            with conn.transaction():
                conn.execute("set local lock_timeout = '300ms'")
                conn.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
            dropped.append(name)
    return dropped


def log_ends(conn: psycopg.Connection[Any]) -> list[tuple[str, datetime | None, datetime | None]]:
    """The log's partitions with the instants at which they begin and end, the oldest first; None for one that has no
    bounds."""
    query = "select inhrelid::regclass::text from pg_inherits where inhparent = 'events_event'::regclass order by 1"
    return [(name, *_bounds(name)) for (name,) in conn.execute(query).fetchall()]


def _bounds(name: str) -> tuple[datetime | None, datetime | None]:
    """By the name, as `log_span` makes it."""
    parts = name.removeprefix("events_event_").split("_")
    if not all(part.isdecimal() for part in parts) or len(parts) > 2:
        return None, None
    year, month = int(parts[0]), int(parts[1]) if len(parts) == 2 else 1
    start = _month(year, month)
    _, begin, end = log_span(start)
    return begin, end


def _partitions_before(conn: psycopg.Connection[Any], parent: str, name: str) -> list[str]:
    """Partitions by name: the names sort in order of time, a year before its months."""
    query = """
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = %s::regclass and c.relname < %s order by 1
    """
    return [row[0] for row in conn.execute(query, [parent, name])]


def _fully_applied(conn: psycopg.Connection[Any], name: str) -> bool:
    query = sql.SQL(
        "select not exists (select from {} i where (i.tx, i.id) > "
        "(coalesce((select tx from events_cursor where name = 'applier'), '0'::xid8),"
        " coalesce((select inbox_id from events_cursor where name = 'applier'), 0)))"
    ).format(sql.Identifier(name))
    row = conn.execute(query).fetchone()
    return bool(row and row[0])


def _ensure(conn: psycopg.Connection[Any], parent: str, span: Span) -> None:
    name, start, end = span
    found = conn.execute("select to_regclass(%s)", [name]).fetchone()
    if found and found[0]:
        return
    child, above = sql.Identifier(name), sql.Identifier(parent)
    bounds = sql.SQL("from ({}) to ({})").format(sql.Literal(start), sql.Literal(end))
    try:
        with conn.transaction():
            conn.execute(sql.SQL("create table {} (like {} including defaults including storage)").format(child, above))
            conn.execute(sql.SQL("alter table {} attach partition {} for values {}").format(above, child, bounds))
    except (errors.DuplicateTable, errors.DuplicateObject, errors.UniqueViolation):
        # Another process came first; its partition stands when its transaction has ended, which we have waited for.
        return


def _month(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)
