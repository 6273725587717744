"""The SQL of the writing side. Set in, set out: each statement takes whole batches as arrays."""

LOOKUP = """
select k.n, i.id, i.component_id, i.profile_id, i.quarantine <> '', (extract(epoch from i.first_seen_at) * 1000000)::bigint
from unnest(%(kinds)s, %(values)s) with ordinality as k (kind, value, n)
cross join lateral (
    select * from identity_identifier i where i.kind = k.kind and i.value = k.value limit 1
) as i
"""

RESERVE = """
select array_agg(nextval(pg_get_serial_sequence('identity_identifier', 'id'))) from generate_series(1, %(count)s)
"""

INSERT_IDENTIFIERS = """
insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
select * from unnest(
    %(ids)s, %(kinds)s, %(values)s, %(components)s, %(profiles)s, %(quarantines)s, %(seen)s
)
"""

UPDATE_IDENTIFIERS = """
update identity_identifier as i
set component_id = n.component_id, profile_id = n.profile_id, quarantine = n.quarantine,
    first_seen_at = least(i.first_seen_at, n.seen)
from unnest(%(ids)s, %(components)s, %(profiles)s, %(quarantines)s, %(seen)s)
    as n (id, component_id, profile_id, quarantine, seen)
where i.id = n.id
"""

SEEN_EARLIER = """
update identity_identifier as i set first_seen_at = n.seen
from unnest(%(ids)s, %(seen)s) as n (id, seen)
where i.id = n.id and n.seen < i.first_seen_at
"""

# A link that is stored with this time or an earlier one, and as good a basis, is left alone: no new row version.
UPSERT_LINKS = """
insert into identity_link as l (a, b, origin, basis, first_at)
select n.a, n.b, 1, n.basis, n.first_at from unnest(%(a)s, %(b)s, %(bases)s, %(at)s) as n (a, b, basis, first_at)
on conflict (a, b, origin) do update
set first_at = least(l.first_at, excluded.first_at),
    basis = case when excluded.basis = 'observed' or l.basis = 'same_value' then excluded.basis else l.basis end
where excluded.first_at < l.first_at
   or (excluded.basis = 'observed' and l.basis <> 'observed')
   or (excluded.basis = 'alias' and l.basis = 'same_value')
returning l.a, l.b, l.retracted_at is null
"""

MEMBERS = """
select id, kind, value, component_id, profile_id, quarantine, (extract(epoch from first_seen_at) * 1000000)::bigint
from identity_identifier where component_id = any(%(components)s)
"""

# Links, then bans (origin -1), then stored refusals (origin -2), of any end in the set.
AROUND = """
select a, b, origin, basis, coalesce(confidence, 1.0), (extract(epoch from first_at) * 1000000)::bigint
from identity_link where a = any(%(ids)s) and retracted_at is null
union all
select a, b, origin, basis, coalesce(confidence, 1.0), (extract(epoch from first_at) * 1000000)::bigint
from identity_link where b = any(%(ids)s) and a <> all(%(ids)s) and retracted_at is null
union all
select a, b, -1, '', 1.0, 0 from identity_cannotlink where a = any(%(ids)s) and retracted_at is null
union all
select a, b, -2, reason || ':' || detail, 1.0, 0 from identity_refusal where a = any(%(ids)s)
union all
select a, b, -2, reason || ':' || detail, 1.0, 0 from identity_refusal where b = any(%(ids)s) and a <> all(%(ids)s)
"""

DELETE_REFUSALS = """
delete from identity_refusal r using unnest(%(a)s, %(b)s) as n (a, b) where r.a = n.a and r.b = n.b
"""

INSERT_REFUSALS = """
insert into identity_refusal as r (a, b, reason, detail)
select * from unnest(%(a)s, %(b)s, %(reasons)s, %(details)s)
on conflict (a, b) do update set reason = excluded.reason, detail = excluded.detail
"""

# Answers the profiles whose traits may have changed. Under the rule `latest` a claim that repeats the present trait
# cannot change it: either it becomes the latest, with the same value, or a later one stays. That skips most claims.
UPSERT_CLAIMS = """
with incoming as materialized (
    select * from unnest(%(ids)s, %(keys)s, %(sources)s, %(values)s, %(at)s, %(ties)s, %(profiles)s)
        as c (identifier_id, key, source_id, value, observed_at, tiebreak, profile_id)
), accepted as (
    insert into identity_claim as c (identifier_id, key, source_id, value, observed_at, tiebreak)
    select identifier_id, key, source_id, value, observed_at, tiebreak from incoming
    on conflict (identifier_id, key, source_id) do update
    set value = excluded.value, observed_at = excluded.observed_at, tiebreak = excluded.tiebreak
    where (c.observed_at, c.tiebreak) < (excluded.observed_at, excluded.tiebreak)
    returning c.identifier_id, c.key, c.source_id
)
select distinct i.profile_id
from accepted join incoming i using (identifier_id, key, source_id)
left join identity_profile p on p.id = i.profile_id
where %(every)s or i.key = any(%(special)s) or (p.traits -> i.key) is distinct from i.value
"""

CLAIMS_OF = """
select i.profile_id, c.key, c.value::text, (extract(epoch from c.observed_at) * 1000000)::bigint, c.tiebreak,
       c.source_id, c.identifier_id
from identity_identifier i join identity_claim c on c.identifier_id = i.id
where i.profile_id = any(%(profiles)s)
"""

WRITE_PROFILES = """
insert into identity_profile as p (id, traits, created_at, updated_at)
select n.id, n.traits, n.created_at, %(now)s from unnest(%(ids)s, %(traits)s, %(created)s) as n (id, traits, created_at)
on conflict (id) do update set traits = excluded.traits, updated_at = excluded.updated_at
where p.traits is distinct from excluded.traits
returning p.id
"""

DELETE_PROFILES = "delete from identity_profile where id = any(%(ids)s)"

ACTIVE_POLICY = "select version, spec::text from identity_policy where active"
