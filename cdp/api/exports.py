"""Everything stored, a line at a time: what the export commands write. Flat memory whatever the size."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.db import connection, transaction

from common import clock
from events import selectors as event_selectors
from events.contracts import EventView
from identity import selectors as identity_selectors
from segments import selectors as segment_selectors

_CHUNK = 1000
_OWNERS = "select identifier_id, profile_id from identity_member where identifier_id = any(%(ids)s)"
_FROM_ENVELOPE = (
    "userId", "anonymousId", "originalTimestamp", "sentAt", "traits", "context", "groupId", "previousId", "name",
    "category", "integrations",
)  # fmt: skip


def events(*, source_id: int | None) -> Iterator[dict[str, Any]]:
    """Every stored event in Segment's field names, with the profile it belongs to now."""
    stream = event_selectors.stream_events(source_id=source_id)
    while chunk := list(islice(stream, _CHUNK)):
        owners = _owners({event.identifier_id for event in chunk})
        for event in chunk:
            yield event_line(event, owners.get(event.identifier_id))


def event_line(event: EventView, profile_id: int | None) -> dict[str, Any]:
    """One event as a Segment library would have sent it; fields it did not have are null."""
    return {
        "messageId": event.message_id,
        "type": event.type,
        "event": event.name if event.type == "track" else None,
        "timestamp": clock.iso(event.occurred_at),
        "receivedAt": clock.iso(event.received_at),
        "properties": event.properties,
        **{name: event.envelope.get(name) for name in _FROM_ENVELOPE},
        "profileId": None if profile_id is None else str(profile_id),
    }


def profiles() -> Iterator[dict[str, Any]]:
    """Every profile with its identifiers, traits and segments, as they were at one instant."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        after: int | None = None
        while rows := identity_selectors.profiles_page(search="", after_id=after, limit=_CHUNK):
            after = rows[-1].id
            yield from _profile_lines(rows)


def _profile_lines(rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    slugs = segment_selectors.slugs_of([row.id for row in rows])
    for row in rows:
        yield {
            "id": str(row.id),
            "identifiers": [{"kind": one.kind, "value": one.value} for one in row.identifiers],
            "traits": dict(row.traits),
            "segments": slugs.get(row.id, []),
        }


def _owners(identifier_ids: set[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_OWNERS, {"ids": list(identifier_ids)})
        return dict(cursor.fetchall())
