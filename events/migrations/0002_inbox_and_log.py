"""The inbox, the cursor, the log and the seen message ids: append-only and, where they grow, partitioned by time."""

from django.db import migrations

FORWARD = """
create table events_inbox (
    tx xid8 not null default pg_current_xact_id(),
    id bigint generated always as identity,
    received_at timestamptz not null,
    source_id integer not null,
    events integer not null,
    client_ip text,
    body bytea not null
) partition by range (received_at);
-- The body is compressed before it comes; PostgreSQL's own compression would cost more than it saves.
alter table events_inbox alter column body set storage external;
create index events_inbox_order on events_inbox (tx, id);

create table events_cursor (
    name text primary key,
    tx xid8 not null,
    inbox_id bigint not null,
    applied bigint not null default 0,
    moved_at timestamptz not null
);

create table events_seen (
    id bigint generated always as identity primary key,
    day date not null,
    hashes bytea not null
);
alter table events_seen alter column hashes set storage external;

create table events_event (
    identifier_id bigint not null,
    occurred_at timestamptz not null,
    received_at timestamptz not null,
    source_id integer not null,
    type text not null,
    name text not null,
    message_id text not null,
    properties jsonb,
    envelope text not null
) partition by range (occurred_at);
create index events_event_by_person on events_event (identifier_id, name, occurred_at);
create index events_event_by_time on events_event using brin (occurred_at);
create index events_event_by_receipt on events_event using brin (received_at);
"""
BACKWARD = """
drop table events_event; drop table events_seen; drop table events_cursor; drop table events_inbox;
"""


class Migration(migrations.Migration):
    dependencies = (("events", "0001_initial"),)
    operations = (migrations.RunSQL(FORWARD, BACKWARD),)
