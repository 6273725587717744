"""The quarantine: items that were refused or could not be applied, kept whole until somebody decides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection

from common import pg
from events.contracts import QuarantineCount, QuarantinedView, QuarantineFilter
from events.models import QuarantinedItem

_QUARANTINE = """
insert into events_quarantineditem
    (source_id, received_at, stage, reason, detail, message_id, item, raw, state, settled_by)
select source_id, %(received_at)s, %(stage)s, reason, detail, message_id, item, raw, 'open', ''
from unnest(%(sources)s, %(reasons)s, %(details)s, %(messages)s, %(items)s, %(raws)s)
    as refused (source_id, reason, detail, message_id, item, raw)
returning id, source_id, message_id
"""
# The name that rules know the event by, where the item can be read at all.
_EVENT = """case when pg_input_is_valid(q.item, 'jsonb') and jsonb_typeof(q.item::jsonb) = 'object' then
    case q.item::jsonb ->> 'type' when 'track' then q.item::jsonb ->> 'event' else '$' || (q.item::jsonb ->> 'type') end
    end"""
_FITS = f"""
q.state = %(state)s
and (%(source_id)s::int is null or q.source_id = %(source_id)s::int)
and (%(stage)s = '' or q.stage = %(stage)s) and (%(reason)s = '' or q.reason = %(reason)s)
and (%(since)s::timestamptz is null or q.received_at >= %(since)s::timestamptz)
and (%(until)s::timestamptz is null or q.received_at < %(until)s::timestamptz)
and (%(forms)s::text[] is null or exists (select from unnest(%(forms)s::text[]) v where strpos(lower(q.item), v) > 0))
and (%(event)s = '' or {_EVENT} = %(event)s)
"""
_ROWS = f"""
select q.id, q.source_id, q.received_at, q.stage, q.reason, q.detail, q.item, q.state, q.replayed_as, q.settled_by,
       q.settled_at, coalesce(octet_length(q.raw), 0)
from events_quarantineditem q where {_FITS} and q.id < %(before)s order by q.id desc limit %(limit)s
"""
_COUNTS = f"""
select q.source_id, q.stage, q.reason, count(*), coalesce(max(q.id), 0) from events_quarantineditem q where {_FITS}
group by 1, 2, 3 order by 4 desc, 1, 2, 3
"""
_NEXT = f"""
select q.id from events_quarantineditem q where {_FITS} and q.id > %(after)s and q.id <= %(last)s
order by q.id limit %(limit)s
"""
_LAST = 2**62


@dataclass(frozen=True, slots=True)
class Setback:
    """An item that goes to the quarantine, with what its sender needs to know."""

    source_id: int
    reason: str
    detail: str
    message_id: str
    item: bytes
    # The document, byte for byte, of which `item` is no more than what can be read.
    raw: bytes | None = None


Guard = Callable[[psycopg.Connection[Any], Sequence[Setback]], Sequence[Setback]]
# Of these nobody has asked yet whether they may be stored.
_UNSEEN = frozenset({"accept", "apply"})
_guards: list[Guard] = []


def guard_quarantine(guard: Guard) -> None:
    """Have `guard` say which refused items may be kept, in this process from now on. Whoever knows what must not be
    stored lives above this app, and doors write to the quarantine from many places."""
    _guards[:] = [guard]


def may_be_kept(conn: psycopg.Connection[Any], setbacks: Sequence[Setback]) -> Sequence[Setback]:
    """Those of refused items that may be stored."""
    for guard in _guards if setbacks else ():
        setbacks = guard(conn, setbacks)
    return setbacks


def quarantine(
    conn: psycopg.Connection[Any], setbacks: Sequence[Setback], *, stage: str, received_at: datetime
) -> list[int]:
    """Keep items that were refused (`stage` "accept") or could not be applied ("apply"), whole, for replay, as far as
    they may be stored. Answers the ids of those that are kept, in the same order."""
    if stage in _UNSEEN:
        setbacks = may_be_kept(conn, setbacks)
    if not setbacks:
        return []
    with pg.cursor(conn) as cursor:
        made = cursor.execute(
            _QUARANTINE,
            {
                "received_at": received_at,
                "stage": stage,
                "sources": pg.int4s([one.source_id for one in setbacks]),
                "reasons": pg.texts(one.reason for one in setbacks),
                "details": pg.texts(_storable(one.detail) for one in setbacks),
                "messages": pg.texts(_storable(one.message_id) for one in setbacks),
                "items": pg.texts(_storable(one.item.decode(errors="replace")) for one in setbacks),
                "raws": pg.byteas(one.raw for one in setbacks),
            },
        ).fetchall()
    # The order in which rows come back is not promised, so each is known by its message.
    ids = {(source_id, message_id): int(number) for number, source_id, message_id in made}
    return [ids[one.source_id, _storable(one.message_id)] for one in setbacks]


def newest_setback(conn: psycopg.Connection[Any], *, message_id: str) -> tuple[str, str] | None:
    """Reason and detail of the item that went into the quarantine last under this message id."""
    row = conn.execute(
        "select reason, detail from events_quarantineditem where message_id = %s and state = 'open'"
        " order by id desc limit 1",
        [_storable(message_id)],
    ).fetchone()
    return None if row is None else (str(row[0]), str(row[1]))


def open_items(ids: Sequence[int]) -> list[QuarantinedView]:
    """Those of these items that wait for a decision, locked until the caller's transaction ends."""
    rows = QuarantinedItem.objects.select_for_update().filter(pk__in=ids, state=QuarantinedItem.State.OPEN)
    return [quarantined_view(row) for row in rows.order_by("id")]


def mark_replayed(ids: Sequence[int], *, by: str, now: datetime, replayed_as: str = "") -> None:
    """Close items that have been accepted again; `replayed_as` is what was accepted when it is not the item itself."""
    QuarantinedItem.objects.filter(pk__in=ids).update(
        state=QuarantinedItem.State.REPLAYED, settled_at=now, settled_by=by, replayed_as=replayed_as
    )


def discard(ids: Sequence[int], *, by: str, now: datetime) -> int:
    """Close open items without replaying them; returns how many. Of a document that nobody can read nothing is kept but
    what can be read: it may hold somebody who is to be erased one day."""
    return QuarantinedItem.objects.filter(pk__in=ids, state=QuarantinedItem.State.OPEN).update(
        state=QuarantinedItem.State.DISCARDED, settled_at=now, settled_by=by, raw=None
    )


def quarantined(
    *, state: str = "open", before_id: int | None = None, limit: int = 50, fits: QuarantineFilter | None = None
) -> list[QuarantinedView]:
    """Quarantined items in a state, newest first, by keyset."""
    asked = _asked(fits or QuarantineFilter(), state) | {"before": before_id or _LAST, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, asked)
        return [QuarantinedView(*row) for row in cursor.fetchall()]


def quarantined_item(item_id: int) -> QuarantinedView | None:
    """One item, whatever became of it."""
    row = QuarantinedItem.objects.filter(pk=item_id).first()
    return None if row is None else quarantined_view(row)


def quarantined_document(item_id: int) -> bytes | None:
    """The document that could not be read, byte for byte; None when the item is none."""
    raw = QuarantinedItem.objects.filter(pk=item_id).values_list("raw", flat=True).first()
    return None if raw is None else bytes(raw)


def unreadable_documents() -> int:
    """How many documents wait in the quarantine because they cannot be read any more."""
    return QuarantinedItem.objects.filter(state=QuarantinedItem.State.OPEN, raw__isnull=False).count()


def quarantined_items(ids: Sequence[int]) -> dict[int, QuarantinedView]:
    """Those of these items that are kept, whatever their state."""
    return {row.pk: quarantined_view(row) for row in QuarantinedItem.objects.filter(pk__in=ids)}


def quarantine_counts(fits: QuarantineFilter) -> tuple[list[QuarantineCount], int]:
    """How many open items fit, by source, stage and reason, the most first; and the highest id among them."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, _asked(fits, "open"))
        rows = cursor.fetchall()
    return [QuarantineCount(*row[:4]) for row in rows], max((row[4] for row in rows), default=0)


def next_items(fits: QuarantineFilter, *, after: int, last: int, limit: int) -> list[int]:
    """The ids of the open items that fit, after one and up to another, in order."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, _asked(fits, "open") | {"after": after, "last": last, "limit": limit})
        return [row[0] for row in cursor.fetchall()]


def quarantined_view(row: QuarantinedItem) -> QuarantinedView:
    """The contract of one row."""
    return QuarantinedView(
        row.pk, row.source_id, row.received_at, row.stage, row.reason, row.detail, row.item, row.state,
        row.replayed_as, row.settled_by, row.settled_at, len(row.raw or b""),
    )  # fmt: skip


def quarantine_size() -> int:
    """How many items wait in the quarantine for somebody to decide."""
    return QuarantinedItem.objects.filter(state=QuarantinedItem.State.OPEN).count()


def _asked(fits: QuarantineFilter, state: str) -> dict[str, Any]:
    return {
        "state": state, "source_id": fits.source_id, "stage": fits.stage, "reason": fits.reason, "event": fits.event,
        "since": fits.since, "until": fits.until, "forms": list(fits.written_forms()) or None,
    }  # fmt: skip


def _storable(value: str) -> str:
    return value.replace("\x00", "\ufffd").encode(errors="replace").decode()
