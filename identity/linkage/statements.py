"""The SQL of linkage. Set in, set out: a fixed number of statements a batch, and two more for each 500 profiles."""

LOCK = "select pg_try_advisory_xact_lock(%(lock)s)"

ACTIVE_MODEL = "select version, spec::text from identity_linkagemodel where active"

STATE = """
insert into identity_linkagestate as s (id, after_id, swept_to, recipe, renewed_to) values (1, 0, 0, 0, 0)
on conflict (id) do update set id = 1 returning since, latest, after_id, swept_to, recipe, renewed_to
"""

SAVE_STATE = """
update identity_linkagestate set since = %(since)s, latest = %(latest)s, after_id = %(after_id)s,
    swept_to = %(swept_to)s, recipe = %(recipe)s, renewed_to = %(renewed_to)s where id = 1
"""

_IS_DUE = """
(%(since)s::timestamptz is null or p.updated_at > %(since)s)
and (r.changed_at <> p.updated_at or (r.profile_id is null and p.traits <> '{}'))
"""

# The same of profiles with certain ids, in a way that the index of times is no help with: the planner would take it for
# few, and read all that has changed with every batch.
_IS_STILL_DUE = _IS_DUE.replace("p.updated_at > ", "p.updated_at + interval '0' > ")

# The next in the order of their ids: one pass over the profiles for many batches.
FIND_DUE = f"""
select array_send(array_agg(id)) from (
    select p.id from identity_profile p left join identity_linkagerecord r on r.profile_id = p.id
    where p.id > %(after)s and {_IS_DUE}
    order by p.id limit %(limit)s
) as due
"""

# Asked again, for what was found due may have been seen to, or be gone.
LOAD_DUE = f"""
select p.id, p.traits::text, p.updated_at
from identity_profile p left join identity_linkagerecord r on r.profile_id = p.id
where p.id = any(%(ids)s) and {_IS_STILL_DUE} order by p.id
"""

# Which of these still are, for what was made of them meanwhile.
STILL_DUE = f"""
select p.id, p.updated_at
from identity_profile p left join identity_linkagerecord r on r.profile_id = p.id
where p.id = any(%(ids)s) and {_IS_STILL_DUE} order by p.id
"""

# The next records that another recipe made; of a profile that is gone only the record.
LOAD_OUTDATED = """
select r.profile_id, p.traits::text, p.updated_at from (
    select profile_id from identity_linkagerecord where profile_id > %(after)s and recipe <> %(recipe)s
    order by profile_id limit %(limit)s
) as r left join identity_profile p on p.id = r.profile_id order by r.profile_id
"""

BACKLOG = f"""
select count(*) from (
    select from identity_profile p left join identity_linkagerecord r on r.profile_id = p.id
    where {_IS_DUE} limit %(most)s
) as due
"""

CONTACTS = """
select profile_id, kind, value from identity_identifier
where profile_id = any(%(ids)s) and kind in ('email', 'phone') and quarantine = '' order by id
"""

# As text: of the keys of a profile most stay as they are, and need not be read as numbers.
KEPT = """
select profile_id, keys::text, terms::text, fields, changed_at = 'epoch' or recipe <> %(recipe)s
from identity_linkagerecord where profile_id = any(%(ids)s)
"""

# Those of these profiles about which something is asked.
ASKED_ABOUT = """
with ours as (select id, profile_id from identity_identifier where profile_id = any(%(ids)s))
select profile_id from ours join identity_reviewpair r on r.a = ours.id where r.state = 'open'
union
select profile_id from ours join identity_reviewpair r on r.b = ours.id where r.state = 'open'
"""

DELETE_KEYS = """
delete from identity_blockingkey k using unnest(%(keys)s, %(ids)s) as n (key_hash, profile_id)
where k.key_hash = n.key_hash and k.profile_id = n.profile_id
"""

INSERT_KEYS = """
insert into identity_blockingkey (key_hash, profile_id) select * from unnest(%(keys)s, %(ids)s) on conflict do nothing
"""

COUNT_KEYS = """
insert into identity_blockcount as c (key_hash, records) select * from unnest(%(keys)s, %(changes)s)
on conflict (key_hash) do update set records = c.records + excluded.records
"""

DELETE_EMPTY_COUNTS = "delete from identity_blockcount where key_hash = any(%(keys)s) and records <= 0"

WRITE_RECORDS = """
insert into identity_linkagerecord as r (profile_id, fields, keys, terms, changed_at, recipe)
select n.id, n.fields, n.keys::bigint[], n.terms::bigint[], n.changed_at, %(recipe)s
from unnest(%(ids)s, %(fields)s, %(keys)s, %(terms)s, %(changed)s) as n (id, fields, keys, terms, changed_at)
on conflict (profile_id) do update
set fields = excluded.fields, keys = excluded.keys, terms = excluded.terms, changed_at = excluded.changed_at,
    recipe = excluded.recipe
"""

# A changed profile that was merged in the same instant would look unchanged by its time, so it is marked.
MARK_DUE = "update identity_linkagerecord set changed_at = 'epoch' where profile_id = any(%(ids)s)"

DELETE_RECORDS = "delete from identity_linkagerecord where profile_id = any(%(ids)s)"

# Records of profiles that were merged away elsewhere; a slice at a time, round and round.
RETIRED = """
select s.profile_id, p.id is null from (
    select profile_id from identity_linkagerecord where profile_id > %(after)s order by profile_id limit %(limit)s
) as s left join identity_profile p on p.id = s.profile_id order by s.profile_id
"""

# Who is under each of these keys, by the place of the key among them. Of an over-full block come just enough to see
# that it is. A key is looked up once in the index, and nothing else is read.
MEMBERS = """
select array_send(array_agg(m.place - 1)), array_send(array_agg(k.profile_id))
from unnest(%(keys)s) with ordinality as m (key_hash, place)
cross join lateral (
    select profile_id from identity_blockingkey where key_hash = m.key_hash limit %(most)s
) as k
"""

FULL_BLOCKS = "select array_send(array_agg(key_hash)) from identity_fullblock"

MARK_FULL = "insert into identity_fullblock (key_hash) select unnest(%(keys)s) on conflict do nothing"

# Who leaves a block may make it small enough again; the next who asks will see.
UNMARK_FULL = "delete from identity_fullblock where key_hash = any(%(keys)s)"

# As one JSON array: a Python object for each row would cost more than the row. Of ids that the planner sees it asks for
# each how many there are, which for ten thousand takes a sixth of the time of reading them.
RECORDS = """
select array_send(array_agg(profile_id)), '[' || string_agg(fields, ',') || ']'
from identity_linkagerecord where profile_id = any((select %(ids)s::bigint[])::bigint[])
"""

COUNTS = "select key_hash, records from identity_blockcount where key_hash = any(%(keys)s)"

# Pairs of profiles on which somebody has decided, or which linkage has linked (the policy may have refused the link).
SETTLED = """
with ours as (
    select id, profile_id from identity_identifier where profile_id = any(%(ids)s)
), said as (
    select c.a, c.b from ours join identity_cannotlink c on c.a = ours.id where c.retracted_at is null
    union all
    select r.a, r.b from ours join identity_reviewpair r on r.a = ours.id where r.state <> 'open'
    union all
    select l.a, l.b from ours join identity_link l on l.a = ours.id
    where (l.origin = 2 and l.retracted_at is null) or (l.retracted_at is not null and l.retracted_by <> 'linkage')
)
select distinct least(a.profile_id, b.profile_id), greatest(a.profile_id, b.profile_id)
from said join ours a on a.id = said.a join ours b on b.id = said.b where a.profile_id <> b.profile_id
"""

LIVE = "select id from identity_profile where id = any(%(ids)s)"

# Open questions about these profiles that the new scores do not ask again.
STALE_REVIEWS = """
with ours as (select id from identity_identifier where profile_id = any(%(ids)s))
select r.id from (
    select r.id, r.a, r.b from ours join identity_reviewpair r on r.a = ours.id where r.state = 'open'
    union
    select r.id, r.a, r.b from ours join identity_reviewpair r on r.b = ours.id where r.state = 'open'
) as r
where not exists (select from unnest(%(a)s, %(b)s) as n (a, b) where n.a = r.a and n.b = r.b)
"""

DELETE_REVIEWS = "delete from identity_reviewpair where id = any(%(ids)s) and state = 'open'"

WRITE_REVIEWS = """
insert into identity_reviewpair as r (a, b, probability, weights, state, created_at, decided_by)
select n.a, n.b, n.probability, n.weights, 'open', %(now)s, ''
from unnest(%(a)s, %(b)s, %(probabilities)s, %(weights)s) as n (a, b, probability, weights)
on conflict (a, b) do update set probability = excluded.probability, weights = excluded.weights
where r.state = 'open'
returning r.id
"""

# All links inside the profiles that some matched link holds together.
LINKS_OF_MATCHED = """
with held as (
    select distinct i.profile_id from identity_identifier i
    join identity_link l on l.a = i.id and l.origin = 2 and l.retracted_at is null
    where i.profile_id = any(%(ids)s)
)
select i.profile_id, l.a, l.b, l.origin
from held join identity_identifier i using (profile_id)
join identity_link l on l.a = i.id and l.retracted_at is null
join identity_identifier j on j.id = l.b and j.profile_id = i.profile_id
"""

CONTACTS_BY_ID = """
select id, kind, value from identity_identifier
where id = any(%(ids)s) and kind in ('email', 'phone') and quarantine = '' order by id
"""

# The next profiles, with whether a matched link holds them together.
PROFILES_AFTER = """
select p.id, p.traits::text, exists (
    select from identity_identifier i join identity_link l on l.a = i.id and l.origin = 2 and l.retracted_at is null
    where i.profile_id = p.id
) from identity_profile p where p.id > %(after)s order by p.id limit %(limit)s
"""

MATCHED_PROFILES_AFTER = """
select distinct i.profile_id from identity_link l join identity_identifier i on i.id = l.a
where l.origin = 2 and l.retracted_at is null and i.profile_id > %(after)s order by 1 limit %(limit)s
"""

# Everything that somebody has decided against, by identifiers and the profiles they are in now.
ALL_SETTLED = """
with said as (
    select a, b from identity_cannotlink where retracted_at is null
    union select a, b from identity_reviewpair where state in ('no_match', 'unsure')
    union select a, b from identity_link where retracted_at is not null and retracted_by <> 'linkage'
)
select said.a, said.b, i.profile_id, j.profile_id
from said join identity_identifier i on i.id = said.a join identity_identifier j on j.id = said.b
"""

# What stewards have decided, with the evidence they saw.
DECIDED = """
select weights::text, state = 'match' from identity_reviewpair where state in ('match', 'no_match') order by id
"""

PROFILE_OF = "select id, profile_id from identity_identifier where id = any(%(ids)s)"

# Pairs of profiles that somebody has decided are not, or may not be, one person.
DECIDED_AGAINST = """
with ours as (
    select id, profile_id from identity_identifier where profile_id = any(%(ids)s)
), said as (
    select c.a, c.b from ours join identity_cannotlink c on c.a = ours.id where c.retracted_at is null
    union all
    select r.a, r.b from ours join identity_reviewpair r on r.a = ours.id where r.state in ('no_match', 'unsure')
    union all
    select l.a, l.b from ours join identity_link l on l.a = ours.id
    where l.retracted_at is not null and l.retracted_by <> 'linkage'
)
select distinct least(a.profile_id, b.profile_id), greatest(a.profile_id, b.profile_id)
from said join ours a on a.id = said.a join ours b on b.id = said.b where a.profile_id <> b.profile_id
"""

NOTE_LINKED = """
insert into identity_runlink (run_id, a, b, added)
select %(run)s, n.a, n.b, true from unnest(%(a)s, %(b)s) as n (a, b) on conflict do nothing
"""

NOTE_WITHDRAWN = """
insert into identity_runlink (run_id, a, b, added, confidence, evidence)
select %(run)s, l.a, l.b, false, l.confidence, l.evidence from unnest(%(a)s, %(b)s) as n (a, b)
join identity_link l on l.a = n.a and l.b = n.b and l.origin = 2 and l.retracted_at is null on conflict do nothing
"""

NOTED = """
select a, b, added, confidence, evidence::text from identity_runlink where run_id = %(run)s order by a, b
"""
