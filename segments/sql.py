"""The named statements of segments. Arrays come packed (`common.pg`); answers come as few wide rows."""

# Counters are appended: duplicates are harmless because readers add up, and the row stays a HOT update.
APPEND_ACTIVITY = """
insert into segments_activity (identifier_id, entries)
select * from unnest(%(ids)s, %(entries)s)
on conflict (identifier_id) do update set entries = segments_activity.entries || excluded.entries
"""

REPLACE_ACTIVITY = """
update segments_activity a set entries = v.entries
from unnest(%(ids)s, %(entries)s) as v(id, entries) where a.identifier_id = v.id
"""

# array_send gives the binary form of the array as one value: numpy reads it without an object per element.
LOAD_ACTIVITY = """
select array_send(array_agg(m.profile_id)), array_send(array_agg(a.identifier_id)),
       array_send(array_agg(octet_length(a.entries)::bigint)), string_agg(a.entries, '')
from unnest(%(profiles)s) as p(id)
join identity_member m on m.profile_id = p.id
join segments_activity a on a.identifier_id = m.identifier_id
"""

LOAD_MEMBERSHIPS = """
select array_send(array_agg(m.profile_id)), array_send(array_agg(octet_length(m.bits)::bigint)),
       string_agg(m.bits, ''), array_send(array_agg(coalesce(m.due_at, %(never)s::timestamptz)))
from unnest(%(profiles)s) as p(id) join segments_membership m on m.profile_id = p.id
"""

# One column per trait that the rules name; `columns` holds parameter names only.
LOAD_TRAITS = """
select array_send(array_agg(t.profile_id)), {columns}
from unnest(%(profiles)s) as p(id) join identity_trait t on t.profile_id = p.id
"""

ADD_ENTRIES = """
insert into segments_listentry (identifier_id, list_id, added_at)
select distinct id, %(list)s::int, %(now)s::timestamptz from unnest(%(ids)s) as n(id)
on conflict do nothing returning identifier_id
"""

REMOVE_ENTRIES = """
delete from segments_listentry where list_id = %(list)s and identifier_id = any(%(ids)s) returning identifier_id
"""

PROFILES_OF = """
select array_send(array_agg(distinct profile_id)) from identity_member where identifier_id = any(%(ids)s)
"""

LOAD_LISTS = """
select t.slug, array_send(array_agg(distinct m.profile_id))
from unnest(%(profiles)s) as p(id)
join identity_member m on m.profile_id = p.id
join segments_listentry e on e.identifier_id = m.identifier_id
join segments_staticlist t on t.id = e.list_id and t.slug = any(%(slugs)s)
group by t.slug
"""

INSERT_CHANGES = """
insert into segments_change (segment_id, profile_id, entered, at, reason, version)
select segment_id, profile_id, entered, %(now)s, (%(reasons)s)[reason], version
from unnest(%(segments)s, %(profiles)s, %(entered)s, %(reason)s, %(versions)s)
     as c(segment_id, profile_id, entered, reason, version)
"""

UPSERT_MEMBERSHIPS = """
insert into segments_membership (profile_id, bits, due_at)
select profile_id, bits, nullif(due_at, %(never)s::timestamptz)
from unnest(%(profiles)s, %(bits)s, %(due)s) as m(profile_id, bits, due_at)
on conflict (profile_id) do update set bits = excluded.bits, due_at = excluded.due_at
"""

DELETE_MEMBERSHIPS = "delete from segments_membership where profile_id = any(%(profiles)s)"

ADD_TO_SIZES = """
with delta as (
    select * from unnest(%(segments)s, %(entered)s, %(exited)s) as d(segment_id, entered, exited)
), size as (
    insert into segments_size as s (segment_id, members)
    select segment_id, entered - exited from delta
    on conflict (segment_id) do update set members = s.members + excluded.members
    returning segment_id, members
)
insert into segments_sizehour as h (segment_id, hour, members, entered, exited)
select segment_id, date_trunc('hour', %(now)s::timestamptz, 'UTC'), size.members, delta.entered, delta.exited
from size join delta using (segment_id)
on conflict (segment_id, hour) do update set members = excluded.members,
    entered = h.entered + excluded.entered, exited = h.exited + excluded.exited
"""

LIVE_SEGMENTS = "select id, slug, version, rule from segments_segment where archived_at is null order by id"

MEASURES = 'select id, event, "where", sum_property, kind, minutes, hours, filling from segments_measure order by id'

# By the planner's statistics: good enough to tell seconds from minutes.
ABOUT_LOGGED = """
select coalesce(sum(greatest(c.reltuples, 0)), 0)
from pg_partition_tree('events_event') t join pg_class c on c.oid = t.relid
where t.isleaf
"""
DUE_PROFILES = """
select array_send(array_agg(profile_id)) from (
    select profile_id from segments_membership where due_at <= %(now)s order by due_at limit %(limit)s
) d
"""

# -- publishing, refreshing, archiving: whole segments at once

INSERT_MEASURE = """
insert into segments_measure (event, "where", sum_property, kind, key, minutes, hours, filling)
values (%(event)s, %(where)s, %(sum_property)s, %(kind)s, %(key)s, %(minutes)s, %(hours)s, %(filling)s) returning id
"""

ADOPT_MEASURE = "update segments_measure set filling = false where id = %(id)s"

DROP_FILLING = "delete from segments_measure where filling"

DROP_STAGED = "truncate segments_staged"

# A slice of what was counted of the past goes to where it is read.
MERGE_STAGED = """
with slice as (
    delete from segments_staged where ctid = any(array(select ctid from segments_staged limit %(limit)s))
    returning identifier_id, entries
), merged as (
    insert into segments_activity as t (identifier_id, entries)
    select identifier_id, string_agg(entries, '') from slice group by identifier_id
    on conflict (identifier_id) do update set entries = t.entries || excluded.entries
)
select count(*) from slice
"""

DELETE_MEASURES = "delete from segments_measure where id = any(%(ids)s)"

# The same buckets as `entries.compact`: single minutes, then hours, then one for everything older; the last by itself.
BUCKETS = """case
        when minute >= %(fresh_from)s or minute = floor(extract(epoch from last_at) / 60) then minute + 1
        when minute >= %(hours_from)s then -1 - minute / 60
        else 0 end"""

# What is kept of a bucket, by the kind of the measure. A distinct value is a bucket of its own, at its latest minute.
KEPT = {
    "sum": ("min(minute)", "greatest(least(sum(micros), 9e18), -9e18)::bigint", BUCKETS),
    "min": ("min(minute)", "min(micros)", BUCKETS),
    "max": ("min(minute)", "max(micros)", BUCKETS),
    "distinct": ("max(minute)", "micros", "micros"),
}

# The past of one measure, a row of entries for each identifier.
PAST = """
select identifier_id, string_agg(
    int4send(%(measure)s::int) || int4send(minute::int) || int4send(n::int) || int8send(micros), '')
from (
    select identifier_id, {minute} as minute, count(*) as n, {kept} as micros
    from (
        select e.identifier_id, greatest(floor(extract(epoch from e.occurred_at) / 60), 0)::bigint as minute,
               {amount} as micros, max(e.occurred_at) over (partition by e.identifier_id) as last_at
        from events_event e where {condition}
    ) one
    group by identifier_id, {bucket}
) bucket
group by identifier_id
"""

BACKFILL = """
insert into segments_activity as t (identifier_id, entries) {past}
on conflict (identifier_id) do update set entries = t.entries || excluded.entries
"""

STAGE = "insert into segments_staged (identifier_id, entries) {past}"

# What the rule says now against the stored bits; the difference goes to the ledger and to the bits.
SETTLE_SEGMENT = """
with matched as ({rule}),
stored as (
    select profile_id from segments_membership
    where octet_length(bits) > %(byte)s and get_bit(bits, %(bit)s) = 1{only}
),
difference as materialized (
    select coalesce(m.profile_id, s.profile_id) as profile_id, m.profile_id is not null as entered
    from matched m full join stored s on s.profile_id = m.profile_id
    where m.profile_id is null or s.profile_id is null
),
ledger as (
    insert into segments_change (segment_id, profile_id, entered, at, reason, version)
    select %(bit)s, profile_id, entered, %(now)s, %(reason)s, %(version)s from difference order by profile_id
),
memberships as (
    insert into segments_membership as t (profile_id, bits, due_at)
    select profile_id, set_bit(%(zeros)s::bytea, %(bit)s, entered::int), null from difference
    on conflict (profile_id) do update set bits = set_bit(
        t.bits || substr(%(zeros)s::bytea, octet_length(t.bits) + 1), %(bit)s, get_bit(excluded.bits, %(bit)s))
)
select count(*) filter (where entered), count(*) filter (where not entered) from difference
"""

NOBODY = "select null::bigint as profile_id where false"

MARK_DUE = """
insert into segments_membership as t (profile_id, bits, due_at)
select distinct profile_id, ''::bytea, %(now)s from ({marks}) marks
on conflict (profile_id) do update set due_at = least(t.due_at, excluded.due_at)
"""
