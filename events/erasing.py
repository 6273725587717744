"""Erasing people from the log, the inbox and the quarantine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import psycopg
import zstandard

from common import pg
from events.inbox import Claim
from events.parse import readable, unpacked

_OWN = "delete from events_event where identifier_id = any(%(ids)s)"
# Events of others that name the person all the same: the policy refused to take the two for one.
_OF_OTHERS = """
delete from events_event e where identifier_id = any(%(others)s)
  and exists (select from unnest(%(texts)s) v
              where strpos(lower(e.envelope), v) > 0 or strpos(lower(e.properties::text), v) > 0)
returning identifier_id, name
"""
_QUARANTINE = """
delete from events_quarantineditem q
where exists (select from unnest(%(texts)s) v where strpos(lower(q.item), v) > 0 or strpos(lower(q.detail), v) > 0
              or strpos(lower(q.replayed_as), v) > 0 or strpos(lower(encode(q.raw, 'escape')), v) > 0)
   or exists (select from unnest(%(digits)s) d where strpos(regexp_replace(q.item, '[^0-9]', '', 'g'), d) > 0
              or strpos(regexp_replace(q.replayed_as, '[^0-9]', '', 'g'), d) > 0)
"""
# Whom a replay that still waits was asked for by name.
_REPLAYS = """
update events_replay set fits = fits || '{"identifier": ""}', state = 'cancelled'
where state = 'waiting' and lower(fits ->> 'identifier') = any(%(values)s)
"""
# What was applied is in the log; its partition would be dropped within two hours anyway.
_APPLIED = """
delete from events_inbox where (tx, id) <= (select tx, inbox_id from events_cursor where name = 'applier')
"""
_WAITING_SINCE = """
select exists (select from events_inbox where received_at <= %(until)s
    and (tx, id) > (coalesce((select tx from events_cursor where name = 'applier'), '0'::xid8),
                    coalesce((select inbox_id from events_cursor where name = 'applier'), 0)))
"""
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ErasedEvents:
    """Rows deleted by table; and of whom else events went, under which names: what was counted of them is another."""

    rows: Mapping[str, int]
    identifier_ids: frozenset[int]
    names: frozenset[str]


def erase(
    conn: psycopg.Connection[Any], *, identifier_ids: Sequence[int], neighbours: Sequence[int], values: Sequence[str]
) -> ErasedEvents:
    """Delete the person's events, those of neighbouring identifiers that name one of the values, and quarantined items
    that do. A value that is short is looked for as a JSON text of its own, others anywhere."""
    texts = sorted({form for value in values for form in written_forms(value)})
    given = {
        "ids": pg.int8s(identifier_ids), "others": pg.int8s(neighbours), "texts": pg.texts(texts),
        "digits": pg.texts(sorted(_phones(values))), "values": pg.texts(sorted({value.lower() for value in values})),
    }  # fmt: skip
    with psycopg.Cursor(conn) as cursor:
        own = cursor.execute(_OWN, given).rowcount
        others = cursor.execute(_OF_OTHERS, given).fetchall() if neighbours else []
        quarantined = cursor.execute(_QUARANTINE, given).rowcount
        cursor.execute(_REPLAYS, given)
    return ErasedEvents(
        {"events_event": own + len(others), "events_quarantineditem": quarantined},
        frozenset(row[0] for row in others), frozenset(row[1] for row in others),
    )  # fmt: skip


def forget(conn: psycopg.Connection[Any], taken: Claim) -> None:
    """Delete the requests of a claim that was applied: they held something that must not be kept for a moment."""
    conn.execute("delete from events_inbox where id = any(%s)", [[row.id for row in taken.rows]])


def forget_applied(conn: psycopg.Connection[Any]) -> int:
    """Delete the inbox's rows that were applied; how many."""
    return conn.execute(_APPLIED).rowcount


def waits(conn: psycopg.Connection[Any], *, until: Any) -> bool:
    """Whether anything that was accepted up to an instant is not applied yet."""
    row = conn.execute(_WAITING_SINCE, {"until": until}).fetchone()
    return bool(row and row[0])


def written_forms(value: str) -> list[str]:
    """How a value may stand in JSON, in small letters."""
    quoted = orjson.dumps(value).decode().lower()
    escaped = '"' + "".join(c if ord(c) < 128 else f"\\u{ord(c):04x}" for c in quoted[1:-1]) + '"'
    forms = {quoted, escaped}
    return sorted(forms | {form[1:-1] for form in forms} if len(value) >= 6 else forms)


def _phones(values: Sequence[str]) -> set[str]:
    """The digits of phone numbers, which people write with other things in between."""
    return {
        digits for value in values if value.startswith("+") and len(digits := value[1:]) >= _DIGITS and digits.isdigit()
    }  # fmt: skip


def inbox_bodies(conn: psycopg.Connection[Any]) -> Iterator[str]:
    """What the inbox holds, readable; for whoever looks for what should not be there."""
    unpack = zstandard.ZstdDecompressor()
    for (body,) in conn.execute("select body from events_inbox"):
        try:
            document = unpacked(body, unpack)
        except (zstandard.ZstdError, MemoryError):
            document = readable(body) + b" " + body
        yield document.decode(errors="replace")
