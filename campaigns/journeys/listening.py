"""Events that campaigns listen to: noted by the batch that applies them, in its transaction, so each is seen once."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from campaigns.journeys import reading
from campaigns.journeys.entering import Candidate, enter, lock
from campaigns.journeys.spec import OnEvent
from common import pg
from segments.contracts import Activity, filters_hold

# "trig" in ASCII: one worker at a time takes triggers, so that they are looked at in order.
_TURN = 0x74726967
AT_ONCE = 5_000
_LISTENED = """
select distinct unnest(listens) from campaigns_campaign where state in ('running', 'paused')
"""
_NOTE = """
insert into campaigns_trigger (name, identifier_id, at, properties)
select * from unnest(%(names)s, %(ids)s, %(at)s, %(properties)s)
"""
_TAKE = """
with taken as (
    delete from campaigns_trigger where id in (select id from campaigns_trigger order by id limit %(limit)s)
    returning *
)
select t.id, t.name, m.profile_id, t.at, t.properties::text from taken t
join identity_member m on m.identifier_id = t.identifier_id order by t.id
"""
# All that a person has under way in campaigns that listen are looked at again, not only those that wait: another
# worker may be about to let one wait, and reads facts from before this event.
_WAKE = """
update campaigns_instance i set due_at = least(i.due_at, %(now)s)
from (select distinct * from unnest(%(names)s, %(profiles)s)) as n (name, profile)
join identity_member m on m.profile_id = n.profile, campaigns_campaign c
where i.person_id = m.identifier_id and i.state = 'active' and i.lane = ''
  and c.id = i.campaign_id and c.listens @> array[n.name]
"""


def note_events(conn: psycopg.Connection[Any], activity: Activity) -> int:
    """Note those events of a batch that a campaign listens to; answers how many. The caller owns the transaction."""
    if not len(activity.names):
        return 0
    with psycopg.Cursor(conn) as cursor:
        listened = {row[0] for row in cursor.execute(_LISTENED).fetchall()}
        places = [place for place, name in enumerate(activity.names) if name in listened]
        if not places:
            return 0
        cursor.execute(_NOTE, {
            "names": pg.texts(activity.names[place] for place in places),
            "ids": pg.int8s(np.asarray(activity.identifier_ids, dtype=np.int64)[places]),
            "at": pg.timestamps(np.asarray(activity.at_us, dtype=np.int64)[places]),
            "properties": pg.jsonbs(_object(activity.properties[place]) for place in places),
        })  # fmt: skip
    return len(places)


def take_triggers(cursor: psycopg.Cursor[Any], *, now: datetime, limit: int = AT_ONCE) -> int:
    """Let in whom the oldest triggers let in, and wake who may wait for them; answers how many were taken.

    One transaction, which the caller owns. Another worker that is at it keeps this one from doing it twice.
    """
    row = cursor.execute("select pg_try_advisory_xact_lock(%s)", [_TURN]).fetchone()
    if not (row and row[0]):
        return 0
    taken = cursor.execute(_TAKE, {"limit": limit}).fetchall()
    if not taken:
        return 0
    opened = {
        number: one for number, one in reading.opened(cursor).items() if isinstance(one.spec.entry, OnEvent)
    }  # fmt: skip
    candidates = list[Candidate]()
    for _, name, profile, at, properties in taken:
        told = pg.from_jsonb(properties) or {}
        for one in opened.values():
            entry = one.spec.entry
            if isinstance(entry, OnEvent) and entry.event == name and (key := _key(entry, told)) is not None:
                if at < now - timedelta(minutes=entry.late_minutes) or not filters_hold(entry.where, told):
                    continue
                candidates.append(Candidate(one.id, profile, key, min(at, now), now))
    locked = lock(cursor, [one.campaign_id for one in candidates]) if candidates else set()
    enter(cursor, opened, [one for one in candidates if one.campaign_id in locked])
    cursor.execute(_WAKE, {
        "now": now, "names": pg.texts(row[1] for row in taken), "profiles": pg.int8s([row[2] for row in taken]),
    })  # fmt: skip
    return len(taken)


def _key(entry: OnEvent, properties: dict[str, Any]) -> str | None:
    """The key that an event enters by; none when it should have one and has not."""
    if not entry.key:
        return ""
    value = properties.get(entry.key)
    return str(value)[:500] if isinstance(value, str | int | float) and value != "" else None


def _object(properties: bytes | str | None) -> bytes | str | None:
    """Properties that are an object, or nothing."""
    text = properties.encode() if isinstance(properties, str) else properties
    return text if text and text[:1] == b"{" else None
