"""The SQL of the writing side. Set in, set out: each statement takes whole batches as arrays."""

# Short texts that repeat (kinds, trait keys, bases) are sent once, as `names`, and each row points into them: packing
# thousands of small texts costs the client more than all the rest of the statement.

LOOKUP = """
select k.n, i.id, i.component_id, i.profile_id, i.quarantine <> '',
       (extract(epoch from i.first_seen_at) * 1000000)::bigint
from unnest(%(kinds)s, %(values)s) with ordinality as k (kind, value, n)
cross join lateral (
    select * from identity_identifier i where i.kind = (%(names)s)[k.kind] and i.value = k.value limit 1
) as i
"""

ANY_PREVIOUS_ID = "select exists (select from identity_identifier where kind = 'previous_id')"

# One writer at a time (it has the turn), so a whole run of ids is taken in one step: the answer is the last one.
RESERVE = """
select setval('identity_identifier_id_seq', nextval('identity_identifier_id_seq') + %(count)s - 1)
"""

INSERT_IDENTIFIERS = """
insert into identity_identifier (id, kind, value, component_id, profile_id, quarantine, first_seen_at)
select n.id, (%(names)s)[n.kind], n.value, n.component_id, n.profile_id, (%(names)s)[n.quarantine], n.seen
from unnest(%(ids)s, %(kinds)s, %(values)s, %(components)s, %(profiles)s, %(quarantines)s, %(seen)s)
    as n (id, kind, value, component_id, profile_id, quarantine, seen)
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
select n.a, n.b, 1, (%(names)s)[n.basis], n.first_at
from unnest(%(a)s, %(b)s, %(bases)s, %(at)s) as n (a, b, basis, first_at)
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
APPEND_CLAIMS = """
insert into identity_claim (identifier_id, key, source_id, value, observed_at, tiebreak)
select c.identifier_id, (%(names)s)[c.key], c.source_id, c.value, c.observed_at, c.tiebreak
from unnest(%(ids)s, %(keys)s, %(sources)s, %(values)s, %(at)s, %(ties)s)
    as c (identifier_id, key, source_id, value, observed_at, tiebreak)
"""

UPSERT_CLAIMS = """
with incoming as materialized (
    select c.identifier_id, (%(names)s)[c.key] as key, c.source_id, c.value, c.observed_at, c.tiebreak, c.profile_id
    from unnest(%(ids)s, %(keys)s, %(sources)s, %(values)s, %(at)s, %(ties)s, %(profiles)s)
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
from identity_identifier i join identity_said c on c.identifier_id = i.id
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

STANDING = """
select id, kind, value, component_id, profile_id, quarantine, (extract(epoch from first_seen_at) * 1000000)::bigint
from identity_identifier where id = any(%(ids)s)
"""

MEMBERS_OF_PROFILES = """
select id, kind, value, component_id, profile_id, quarantine, (extract(epoch from first_seen_at) * 1000000)::bigint
from identity_identifier where profile_id = any(%(profiles)s) order by id
"""

NEIGHBOURS = """
select b from identity_link where a = %(id)s and retracted_at is null
union select a from identity_link where b = %(id)s and retracted_at is null
limit %(most)s
"""

ASSERT_LINKS = """
insert into identity_link as l (a, b, origin, basis, evidence, first_at)
select n.a, n.b, 0, %(basis)s, jsonb_build_object('by', %(by)s::text, 'reason', %(reason)s::text), %(now)s
from unnest(%(a)s, %(b)s) as n (a, b)
on conflict (a, b, origin) do update set retracted_at = null, retracted_by = '', retracted_reason = ''
where l.retracted_at is not null
returning l.a, l.b
"""

RETRACT_LINKS = """
update identity_link l set retracted_at = %(now)s, retracted_by = %(by)s, retracted_reason = %(reason)s
from unnest(%(a)s, %(b)s, %(origins)s) as n (a, b, origin)
where l.a = n.a and l.b = n.b and l.origin = n.origin and l.retracted_at is null
"""

RESTORE_LINKS = """
update identity_link l set retracted_at = null, retracted_by = '', retracted_reason = ''
from unnest(%(a)s, %(b)s, %(origins)s) as n (a, b, origin)
where l.a = n.a and l.b = n.b and l.origin = n.origin and l.retracted_at is not null
"""

BAN = """
insert into identity_cannotlink as c (a, b, by, reason, made_at)
select n.a, n.b, %(by)s, %(reason)s, %(now)s from unnest(%(a)s, %(b)s) as n (a, b)
on conflict (a, b) do update
set retracted_at = null, retracted_by = '', by = excluded.by, reason = excluded.reason, made_at = excluded.made_at
where c.retracted_at is not null
returning c.a, c.b
"""

UNBAN = """
update identity_cannotlink c set retracted_at = %(now)s, retracted_by = %(by)s
from unnest(%(a)s, %(b)s) as n (a, b) where c.a = n.a and c.b = n.b and c.retracted_at is null
returning c.a, c.b
"""

RESTORE_BANS = """
update identity_cannotlink c set retracted_at = null, retracted_by = ''
from unnest(%(a)s, %(b)s) as n (a, b) where c.a = n.a and c.b = n.b
"""

BANS_BETWEEN = """
select a, b from identity_cannotlink
where retracted_at is null
  and ((a = any(%(left)s) and b = any(%(right)s)) or (a = any(%(right)s) and b = any(%(left)s)))
"""

LINKS_WITHIN = """
select a, b, origin from identity_link
where a = any(%(ids)s) and b = any(%(ids)s) and retracted_at is null order by a, b, origin
"""

REFUSAL_OF = "select reason, detail from identity_refusal where a = %(a)s and b = %(b)s"

# A match that the model itself withdrew may come back; one that a steward retracted may not.
UPSERT_MATCHES = """
insert into identity_link as l (a, b, origin, basis, confidence, evidence, first_at)
select n.a, n.b, 2, %(basis)s, n.probability, n.evidence, %(now)s
from unnest(%(a)s, %(b)s, %(probabilities)s, %(evidence)s) as n (a, b, probability, evidence)
on conflict (a, b, origin) do update
set confidence = excluded.confidence, evidence = excluded.evidence, basis = excluded.basis,
    retracted_at = null, retracted_by = '', retracted_reason = ''
where l.retracted_at is null or l.retracted_by = 'linkage'
returning l.a, l.b
"""

WITHDRAW_MATCHES = """
update identity_link l
set retracted_at = %(now)s, retracted_by = 'linkage', retracted_reason = %(basis)s || ' no longer matches them'
from unnest(%(a)s, %(b)s) as n (a, b)
where l.a = n.a and l.b = n.b and l.origin = 2 and l.retracted_at is null
returning l.a, l.b
"""
