"""What a careful script in plain SQL would do to keep three channels: compute who belongs, compare with what was sent,
write a row to send for each difference with payload and key, write the file, and remember each row's outcome.

It has one channel that never fails: no retries, no claims, no order of one person's changes, no rate limits.
"""

import psycopg

_TABLES = """
create temp table script_sent (
    segment text, digest text, profile_id bigint not null, payload_hash text not null, primary key (segment, digest)
);
create temp table script_outbox (
    id bigint generated always as identity primary key, segment text not null, digest text not null,
    profile_id bigint not null, operation text not null, payload jsonb, key uuid not null, state text not null,
    settled_at timestamptz
);
create index on script_outbox (segment, id) where state = 'pending';
create index on script_outbox (digest, id);
"""
_DIFFERENCES = """
with wanted as (
    select s.segment, encode(sha256((s.segment || ':' || p.id)::bytea), 'hex') as digest, p.id as profile_id,
           jsonb_build_object('profile_id', p.id::text, 'email', p.traits ->> 'email', 'plan', p.traits ->> 'plan',
                              'segment', s.segment) as payload
    from identity_profile p, unnest(array['one', 'two', 'three']) as s (segment) where p.traits ? 'plan'
)
insert into script_outbox (segment, digest, profile_id, operation, payload, key, state)
select coalesce(w.segment, s.segment), coalesce(w.digest, s.digest), coalesce(w.profile_id, s.profile_id),
       case when w.digest is null then 'remove' when s.digest is null then 'add' else 'update' end,
       w.payload, gen_random_uuid(), 'pending'
from wanted w full join script_sent s using (segment, digest)
where w.digest is null or s.digest is null or s.payload_hash <> md5(w.payload::text)
"""
_FILE = "copy (select * from script_outbox where state = 'pending' order by id) to stdout (format csv)"
_REMEMBER = (
    """insert into script_sent select segment, digest, profile_id, md5(payload::text) from script_outbox
       where state = 'pending' and operation <> 'remove'
       on conflict (segment, digest) do update set payload_hash = excluded.payload_hash""",
    """delete from script_sent s using script_outbox o
       where o.state = 'pending' and o.operation = 'remove' and o.segment = s.segment and o.digest = s.digest""",
    "update script_outbox set state = 'delivered', payload = null, settled_at = now() where state = 'pending'",
)


def prepare(cursor: psycopg.Cursor) -> None:
    """Make the script's tables."""
    cursor.execute(_TABLES)


def sync(cursor: psycopg.Cursor) -> None:
    """Bring all three channels up to date."""
    cursor.execute(_DIFFERENCES)
    with cursor.copy(_FILE) as file:
        for _ in file:
            pass
    for statement in _REMEMBER:
        cursor.execute(statement)
