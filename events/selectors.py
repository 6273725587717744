"""Reading the inbox's backlog, the log and the quarantine: what other apps may call."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Sum

from common import pg
from events import inbox
from events.contracts import Backlog, EventView, Tallied
from events.models import Tally
from events.quarantine import (
    next_items,
    quarantine_counts,
    quarantine_size,
    quarantined,
    quarantined_document,
    quarantined_item,
    quarantined_items,
    unreadable_documents,
)
from events.replays import replay, replays
from events.rereading import count_events
from events.retention import due_events, retention_rules
from events.sessions import sessions

__all__ = [
    "applied_total", "backlog", "count_events", "count_of", "due_events", "event_names", "events_of", "latest",
    "next_items", "quarantine_counts", "quarantine_size", "quarantined", "quarantined_document", "quarantined_item",
    "quarantined_items", "replay", "replays", "retention_rules", "sessions", "stream_events", "tallies", "timeline",
    "totals", "unreadable_documents",
]  # fmt: skip

_COLUMNS = "identifier_id, source_id, type, name, message_id, occurred_at, received_at, properties::text, envelope"
_TIMELINE = f"""
select {_COLUMNS} from events_event
where identifier_id = any(%(ids)s) and occurred_at < %(before)s
  and (%(names)s::text[] is null or name = any(%(names)s))
order by occurred_at desc, message_id desc limit %(limit)s
"""
_LATEST = f"""
select {_COLUMNS} from events_event
where received_at > %(since)s and (%(source_id)s::int is null or source_id = %(source_id)s)
order by received_at desc, message_id desc limit %(limit)s
"""
_STREAM = f"select {_COLUMNS} from events_event where %(source_id)s::int is null or source_id = %(source_id)s"
_OF = f"select {_COLUMNS} from events_event where identifier_id = any(%(ids)s)"
_NAMES = """
select name, count(*) from (
    select name from events_event where received_at > %(since)s order by received_at desc limit 20000
) recent group by name order by count(*) desc limit %(limit)s
"""


def backlog() -> Backlog:
    """What is accepted and not yet applied."""
    return inbox.backlog(pg.raw())


def applied_total() -> int:
    """How many items the applier has taken from the inbox, ever."""
    with connection.cursor() as cursor:
        cursor.execute("select applied from events_cursor where name = 'applier'")
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def timeline(
    *, identifier_ids: Sequence[int], before: datetime, limit: int = 50, names: Sequence[str] | None = None
) -> list[EventView]:
    """The events that hang on these identifiers, newest first, before an instant (exclusive)."""
    found = {"ids": list(identifier_ids), "before": before, "limit": limit, "names": list(names) if names else None}
    return _views(_TIMELINE, found)


def latest(*, source_id: int | None, since: datetime, limit: int = 50) -> list[EventView]:
    """What came in since an instant, newest first: the live stream."""
    return _views(_LATEST, {"source_id": source_id, "since": since, "limit": limit})


def event_names(*, since: datetime, limit: int = 200) -> list[tuple[str, int]]:
    """The rule names seen of late with how often, most frequent first, from at most 20,000 events."""
    with connection.cursor() as cursor:
        cursor.execute(_NAMES, {"since": since, "limit": limit})
        return [(str(name), int(count)) for name, count in cursor.fetchall()]


def stream_events(*, source_id: int | None = None) -> Iterator[EventView]:
    """Every stored event, in no promised order, with flat memory. Reads on a connection of its own."""
    with pg.connect() as conn, conn.cursor(name="stream_events") as cursor:
        cursor.itersize = 2000
        for row in cursor.execute(_STREAM, {"source_id": source_id}):
            yield _view(row)


def events_of(identifier_ids: Sequence[int]) -> Iterator[EventView]:
    """Every event of these identifiers, in no promised order, with flat memory. Reads on a connection of its own."""
    with pg.connect() as conn, conn.cursor(name="events_of") as cursor:
        cursor.itersize = 2000
        for row in cursor.execute(_OF, {"ids": list(identifier_ids)}):
            yield _view(row)


def count_of(identifier_ids: Sequence[int]) -> int:
    """How many events hang on these identifiers."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from events_event where identifier_id = any(%s)", [list(identifier_ids)])
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def tallies(*, since: datetime) -> list[tuple[Any, ...]]:
    """(hour, source, then the counts of `Tallied`) of each hour since an instant, in order."""
    rows = Tally.objects.filter(hour__gte=since).order_by("hour", "source_id")
    return list(rows.values_list("hour", "source_id", *Tallied._fields))


def totals(*, now: datetime) -> dict[str, int]:
    """Items applied, repeated and refused over all time that tallies are kept, and in the last 24 hours."""
    kept = Tally.objects.aggregate(applied=Sum("applied"), duplicates=Sum("duplicates"), refused=Sum("refused"))
    day = Tally.objects.filter(hour__gte=now - timedelta(hours=24)).aggregate(applied_24h=Sum("applied"))
    return {name: int(value or 0) for name, value in {**kept, **day}.items()}


def _views(query: str, parameters: dict[str, Any]) -> list[EventView]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [_view(row) for row in cursor.fetchall()]


def _view(row: Sequence[Any]) -> EventView:
    identifier_id, source_id, kind, name, message_id, occurred_at, received_at, properties, envelope = row
    return EventView(
        identifier_id=identifier_id,
        source_id=source_id,
        type=kind,
        name=name,
        message_id=message_id,
        occurred_at=occurred_at,
        received_at=received_at,
        properties=json.loads(properties) if properties else {},
        envelope=json.loads(envelope),
    )
