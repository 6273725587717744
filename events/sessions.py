"""Sessions: visits of one person, derived from the log whenever somebody asks.

A session is a run of events of websites and apps with no pause longer than `gap` between one and the next; midnight
does not end it. It is a function of the set of events: late ones, merges and erasures need no repair, because nothing
is stored. (Google Analytics and Segment use 30 minutes, too: https://support.google.com/analytics/answer/9191807.)
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common import pg
from events.contracts import SessionView

USUAL_GAP = timedelta(minutes=30)

_SESSIONS = """
with told as (
    select occurred_at, message_id, source_id, name, type, properties, envelope,
           case when occurred_at - lag(occurred_at) over timely > %(gap)s then 1 else 0 end as begins
    from events_event
    where identifier_id = any(%(ids)s) and source_id = any(%(sources)s)
      and (strpos(envelope, '"robot"') = 0 or envelope::jsonb #> '{context,robot}' is null)
    window timely as (order by occurred_at, message_id)
), numbered as (
    select *, sum(begins) over (order by occurred_at, message_id) as session from told
), seen as (
    select session, min(occurred_at) as started_at, max(occurred_at) as ended_at, count(*) as events,
           count(*) filter (where type in ('page', 'screen')) as pages,
           array_agg(distinct source_id order by source_id) as sources,
           (array_agg(envelope order by occurred_at, message_id))[1] as first,
           (array_agg(coalesce(properties ->> 'path', properties ->> 'url', properties ->> 'name',
                               envelope::jsonb ->> 'name')
                      order by occurred_at, message_id) filter (where type in ('page', 'screen'))) as places
    from numbered group by session
)
select started_at, ended_at, events, pages, sources, first, places[1], places[cardinality(places)]
from seen where started_at < %(before)s order by started_at desc limit %(limit)s
"""


def sessions(
    *, identifier_ids: Sequence[int], source_ids: Sequence[int], before: datetime, limit: int = 50,
    gap: timedelta = USUAL_GAP,
) -> list[SessionView]:  # fmt: skip
    """The visits of the person with these identifiers, the latest first, begun before an instant (exclusive).

    `source_ids` are those that people visit (websites and apps): what servers send about somebody is no visit, nor is
    what was marked as a robot's.
    """
    given = {
        "ids": list(identifier_ids), "sources": list(source_ids), "gap": gap, "before": before, "limit": limit,
    }  # fmt: skip
    with pg.cursor() as cursor:
        rows = cursor.execute(_SESSIONS, given).fetchall()
    return [_view(*row) for row in rows]


def _view(
    started_at: datetime, ended_at: datetime, events: int, pages: int, sources: list[int], first: str,
    entry: str | None, leaving: str | None,
) -> SessionView:  # fmt: skip
    context = _object(pg.from_jsonb(first), "context")
    return SessionView(
        started_at=started_at, ended_at=ended_at, events=events, pages=pages, source_ids=tuple(sources),
        entry=entry or "", exit=leaving or "", referrer=_text(_object(context, "page").get("referrer")),
        campaign=_text(_object(context, "campaign").get("name")),
    )  # fmt: skip


def _object(told: Any, name: str) -> dict[str, Any]:
    inner = told.get(name) if isinstance(told, dict) else None
    return inner if isinstance(inner, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
