"""A base that has been running for a while: people, their events of the last 60 days, and their counters.

Made by the database itself from hashes of the row's number, so that twenty million events take minutes, and the same
call gives the same base.
"""

from datetime import datetime, timedelta

import psycopg

from kit.stream import CATEGORIES, EVENTS

DAYS = 60
_AT_ONCE = 1_000_000

_PEOPLE = """
insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
overriding system value
select n, case when n %% 3 = 0 then 'email' else 'user_id' end, 'p' || n || '@example.com', n, n, '',
       %(now)s::timestamptz
from generate_series(1, %(people)s) n
"""
_PROFILES = """
insert into identity_profile (id, traits, created_at, updated_at)
select n, jsonb_build_object('plan', (array['free', 'plus', 'pro'])[1 + n %% 3], 'age', 18 + n %% 60,
                             'email', 'p' || n || '@example.com'), %(now)s, %(now)s
from generate_series(1, %(people)s) n
"""
# The person, the event and the time of a row by three independent hashes; few people do much, as they do everywhere.
_EVENTS = """
insert into events_event
    (identifier_id, occurred_at, received_at, source_id, type, name, message_id, properties, envelope)
select 1 + floor(%(people)s::float8 * power((hashint8(n) & 2147483647) / 2147483648.0, 1.7))::bigint,
       at, at, 1, 'track', (%(names)s::text[])[1 + (hashint8(n + 700000000000) & 1023) %% %(kinds)s], 'm' || n,
       jsonb_build_object('category', (%(categories)s::text[])[1 + n %% %(groups)s], 'revenue', (n %% 5000) / 100.0),
       '{}'
from (select n, %(now)s::timestamptz - make_interval(secs =>
        %(seconds)s::float8 * (hashint8(n + 90000000000) & 2147483647) / 2147483648.0) as at
      from generate_series(%(first)s::bigint, %(last)s::bigint) n) as made
"""


def make(conn: psycopg.Connection[object], *, people: int, events: int, now: datetime) -> None:
    """Fill an empty database (autocommit connection)."""
    from events import partitions

    partitions.ensure_log(conn, [now - timedelta(days=day) for day in range(DAYS + 2)])
    for statement in (_PEOPLE, _PROFILES):
        conn.execute(statement, {"people": people, "now": now})
    for first in range(1, events + 1, _AT_ONCE):
        conn.execute(
            _EVENTS,
            {
                "people": people, "now": now, "seconds": DAYS * 86_400, "first": first,
                "last": min(events, first + _AT_ONCE - 1), "names": list(EVENTS), "kinds": len(EVENTS),
                "categories": list(CATEGORIES), "groups": len(CATEGORIES),
            },
        )  # fmt: skip
    conn.execute("vacuum analyze identity_identifier, identity_profile")
    conn.execute("vacuum analyze events_event")
