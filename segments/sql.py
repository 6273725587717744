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

LIVE_SEGMENTS = "select id, version, rule from segments_segment where archived_at is null order by id"

MEASURES = 'select id, event, "where", sum_property, minutes, hours from segments_measure order by id'

DUE_PROFILES = """
select array_send(array_agg(profile_id)) from (
    select profile_id from segments_membership where due_at <= %(now)s order by due_at limit %(limit)s
) d
"""
