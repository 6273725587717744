"""The statements of the sync engine, with what each promises."""

from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg

Row = tuple[Any, ...]

# Rows on the way whose worker is gone: they go back with their key and their batch, so that the channel can tell.
FREE_ABANDONED = """
update connectors_delivery set state = 'pending', claim = null, in_flight_since = null, next_attempt_at = %(now)s
where sync_id = %(sync)s and state = 'in_flight' and in_flight_since <= %(cutoff)s
"""

# Claims one batch: rows of one run that are due and have nothing unfinished before them, of their person or of their
# target. A batch that is being retried as a whole is claimed as that batch. Two claims never give the same row.
#
# `offset 0` keeps the two questions what they are, a look-up a row in an index made for it. Without it the planner, who
# knows nothing yet of a table that was filled a second ago, may choose to compare all with all.
# (The digest of a target holds the sync's id already.)
_DUE = """
d.sync_id = %(sync)s and d.state = 'pending' and d.next_attempt_at <= %(now)s
and not exists (select 1 from connectors_delivery e
                where e.profile_id = d.profile_id and e.id < d.id and e.sync_id = %(sync)s
                  and e.state in ('pending', 'in_flight') offset 0)
and not exists (select 1 from connectors_delivery e
                where e.identifier_hash = d.identifier_hash and e.id < d.id
                  and e.state in ('pending', 'in_flight') offset 0)
"""
CLAIM = f"""
with due as materialized (
    select d.id, d.run_id, d.batch from connectors_delivery d where {_DUE} order by d.id limit 1
), batch as (
    select d.id
    from connectors_delivery d
    where {_DUE} and d.id >= (select id from due) and d.run_id = (select run_id from due)
      and d.batch is not distinct from (select batch from due)
    order by d.id
    limit %(limit)s
    for update of d skip locked
)
update connectors_delivery d
set state = 'in_flight', claim = %(claim)s, in_flight_since = %(now)s, attempts = d.attempts + 1,
    batch = coalesce(d.batch, %(claim)s)
where d.id = any(array(select id from batch))
returning d.id, d.run_id, d.operation, d.payload::text, d.key, d.attempts, d.planned_at, d.batch
"""

# Writes the verdicts of one claim. A row that was freed and claimed by somebody else meanwhile is left to them.
# `latest` tells whether nothing newer waits for the same target: only then does a failure say what the channel has.
SETTLE = """
update connectors_delivery d
set state = v.state, code = v.code, message = v.message, claim = null, in_flight_since = null,
    attempts = d.attempts - v.uncounted,
    next_attempt_at = v.next_attempt_at,
    batch = case when v.together then d.batch end,
    payload = case when v.state = 'delivered' then null else d.payload end,
    settled_at = case when v.state = 'pending' then null else %(now)s end
from (select unnest(%(ids)s) as id, unnest(%(states)s) as state, unnest(%(codes)s) as code,
             unnest(%(messages)s) as message, unnest(%(times)s) as next_attempt_at,
             unnest(%(uncounted)s) as uncounted, unnest(%(together)s) as together) v
where d.id = v.id and d.claim = %(claim)s
returning d.run_id, d.operation, d.state, d.identifier_hash, d.payload_hash,
    not exists (select 1 from connectors_delivery e
                where e.identifier_hash = d.identifier_hash and e.id > d.id
                  and e.state in ('pending', 'in_flight') offset 0) as latest,
    v.uncounted
"""

CONFIRM = """
update connectors_sent s
set confirmed_hash = v.hash, payload_hash = case when s.payload_hash = '' then v.hash else s.payload_hash end,
    updated_at = %(now)s
from (select unnest(%(targets)s) as target, unnest(%(hashes)s) as hash) v
where s.sync_id = %(sync)s and s.identifier_hash = v.target
"""

FORGET_REMOVED = """
delete from connectors_sent s
where s.sync_id = %(sync)s and s.identifier_hash = any(%(targets)s) and not s.present
"""

# A removal went through while a newer addition waits: the channel now has nothing of it.
UNCONFIRM = """
update connectors_sent s set confirmed_hash = ''
where s.sync_id = %(sync)s and s.identifier_hash = any(%(targets)s) and s.present
"""

# Refused for good, and the channel never had it: there is nothing to remove later, and a resync tries it again.
FORGET_REFUSED = """
delete from connectors_sent s
using (select unnest(%(targets)s) as target, unnest(%(hashes)s) as hash) v
where s.sync_id = %(sync)s and s.identifier_hash = v.target and s.payload_hash = v.hash and s.present
  and s.confirmed_hash = ''
"""

# Refused, but an earlier state is there; or given up, and nobody knows what is there. A resync will see a difference.
MARK_UNSURE = """
update connectors_sent s set payload_hash = '', updated_at = %(now)s
from (select unnest(%(targets)s) as target, unnest(%(hashes)s) as hash) v
where s.sync_id = %(sync)s and s.identifier_hash = v.target and s.payload_hash = v.hash and s.present
"""

# The removal did not go through: it is still there, and a resync removes it again.
STILL_THERE = """
update connectors_sent s set present = true, payload_hash = '', updated_at = %(now)s
where s.sync_id = %(sync)s and s.identifier_hash = any(%(targets)s) and not s.present
"""

# What the channel said it has; and whether nothing is on the way, so that it may be judged by what is there now.
CONFIRMED = """
select s.id, s.removal::text,
       s.present and not exists (select 1 from connectors_delivery e
                                 where e.identifier_hash = s.identifier_hash and e.state in ('pending', 'in_flight')
                                 offset 0)
from connectors_sent s
where s.sync_id = %(sync)s and s.confirmed_hash <> '' and s.id > %(after)s order by s.id limit %(limit)s
"""

# The channel no longer has it: the next comparison adds it again.
FORGOTTEN = """
update connectors_sent set payload_hash = '', confirmed_hash = '', updated_at = %(now)s where id = any(%(ids)s)
"""

COUNT_RUN = """
update connectors_run
set added_ok = added_ok + %(added_ok)s, changed_ok = changed_ok + %(changed_ok)s,
    removed_ok = removed_ok + %(removed_ok)s, added_failed = added_failed + %(added_failed)s,
    changed_failed = changed_failed + %(changed_failed)s, removed_failed = removed_failed + %(removed_failed)s,
    retried = retried + %(retried)s
where id = %(run)s
"""

FINISH_RUN = """
update connectors_run set state = 'done', finished_at = %(now)s
where id = %(run)s and state = 'sending'
  and added_ok + changed_ok + removed_ok + added_failed + changed_failed + removed_failed >= added + changed + removed
"""

SENT_OF = """
select profile_id, identifier_hash, present, payload_hash, confirmed_hash <> '', removal::text, label
from connectors_sent where sync_id = %(sync)s and profile_id = any(%(profiles)s)
union
select profile_id, identifier_hash, present, payload_hash, confirmed_hash <> '', removal::text, label
from connectors_sent where sync_id = %(sync)s and identifier_hash = any(%(targets)s)
"""

INSERT_DELIVERIES = """
insert into connectors_delivery (sync_id, run_id, profile_id, identifier_hash, operation, payload, payload_hash, label,
    key, state, attempts, next_attempt_at, code, message, planned_at)
select %(sync)s, %(run)s, v.profile_id, v.target, v.operation, v.payload, v.hash, v.label, v.key, 'pending', 0,
    %(now)s, '', '', %(now)s
from unnest(%(profiles)s, %(targets)s, %(operations)s, %(payloads)s, %(hashes)s, %(labels)s, %(keys)s)
    with ordinality as v(profile_id, target, operation, payload, hash, label, key, place)
order by v.place
"""

UPSERT_SENT = """
insert into connectors_sent as s
    (sync_id, identifier_hash, profile_id, present, payload_hash, confirmed_hash, removal, label, updated_at)
select %(sync)s, v.target, v.profile_id, true, v.hash, '', v.removal, v.label, %(now)s
from unnest(%(targets)s, %(profiles)s, %(hashes)s, %(removals)s, %(labels)s)
    as v(target, profile_id, hash, removal, label)
on conflict (sync_id, identifier_hash) do update
set profile_id = excluded.profile_id, present = true, payload_hash = excluded.payload_hash,
    removal = excluded.removal, label = excluded.label, updated_at = excluded.updated_at
"""

MARK_REMOVING = """
update connectors_sent set present = false, updated_at = %(now)s
where sync_id = %(sync)s and identifier_hash = any(%(targets)s)
"""

# One array instead of a million rows.
SENT_PROFILES = """
select coalesce(array_agg(profile_id), '{}') from (
    select distinct profile_id from connectors_sent where sync_id = %(sync)s and present) p
"""

CONFIRMED_PROFILES = """
select coalesce(array_agg(profile_id), '{}') from (
    select distinct profile_id from connectors_sent where sync_id = %(sync)s and confirmed_hash <> '') p
"""

SENT_AMONG = """
select distinct profile_id from connectors_sent
where sync_id = %(sync)s and present and profile_id = any(%(profiles)s)
"""

NOTE_TOUCHED = """
insert into connectors_touched (sync_id, profile_id, noted_at)
select sync_id, profile_id, %(now)s::timestamptz from (
    select sync_id, profile_id from connectors_sent where profile_id = any(%(profiles)s)
    union select sync_id, profile_id from connectors_unreached where profile_id = any(%(profiles)s)) t
on conflict (sync_id, profile_id) do nothing
"""

NOTE_UNREACHED = """
with reached as (delete from connectors_unreached where sync_id = %(sync)s and profile_id = any(%(reached)s))
insert into connectors_unreached (sync_id, profile_id) select %(sync)s, unnest(%(unreached)s::bigint[])
on conflict (sync_id, profile_id) do nothing
"""

UNREACHED_AMONG = """
select profile_id from connectors_unreached where sync_id = %(sync)s and profile_id = any(%(profiles)s)
"""

TAKE_TOUCHED = """
delete from connectors_touched where id in (
    select id from connectors_touched where sync_id = %(sync)s order by id limit %(limit)s for update skip locked)
returning profile_id
"""

# Failed rows that may be sent again: those with nothing newer for the same target, delivered or not.
REPLAY = """
update connectors_delivery d
set state = 'pending', attempts = 0, next_attempt_at = %(now)s, batch = null, settled_at = null, code = '', message = ''
where d.sync_id = %(sync)s and d.state in ('failed', 'dead') and (%(ids)s::bigint[] is null or d.id = any(%(ids)s))
  and not exists (select 1 from connectors_delivery e
                  where e.sync_id = d.sync_id and e.identifier_hash = d.identifier_hash and e.id > d.id)
returning d.run_id, d.operation, d.identifier_hash, d.payload_hash, d.profile_id, d.payload::text, d.label
"""


def rows(statement: str, parameters: dict[str, Any], conn: psycopg.Connection[Any] | None = None) -> list[Row]:
    """Run a statement that answers rows, on the connection of the present transaction."""
    with pg.cursor(conn) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def int8s(statement: str, parameters: dict[str, Any]) -> npt.NDArray[np.int64]:
    """Run a statement that answers one array of bigints, without a Python object an element."""
    with psycopg.Cursor(pg.raw()) as cursor:
        # A result in binary is the array's own format; the loader that would make a list of it is left out.
        result = cursor.execute(statement, parameters, binary=True)
        return pg.int8_array(result.pgresult.get_value(0, 0) if result.pgresult else None)


def run(statement: str, parameters: dict[str, Any], conn: psycopg.Connection[Any] | None = None) -> int:
    """Run a statement for its effect, and answer how many rows it touched."""
    with psycopg.Cursor(conn or pg.raw()) as cursor:
        return cursor.execute(statement, parameters).rowcount
