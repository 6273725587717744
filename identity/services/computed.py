"""Computed traits: what an app above has worked out of a person, written as claims of a source of its own.

A claim hangs on the founding identifier of the profile it was computed of, so it goes along when people are merged and
comes back when they are parted, is erased with them, and a rebuild reads it like any other. Of several, the latest
computation holds; over other sources it holds always (`reconcile`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from common import pg
from identity.contracts import COMPUTED_SOURCE
from identity.services import profiles
from identity.services.policies import load_policy

_WRITE = """
with incoming as materialized (
    select i.id, n.key, n.value from unnest(%(ids)s, %(keys)s, %(values)s) as n (id, key, value)
    join identity_identifier i on i.id = n.id and i.profile_id = n.id
), written as (
    insert into identity_claim as c (identifier_id, key, source_id, value, observed_at, tiebreak)
    select id, key, %(source)s, value, %(now)s, %(run)s from incoming
    on conflict (identifier_id, key, source_id) do update
    set value = excluded.value, observed_at = excluded.observed_at, tiebreak = excluded.tiebreak
    where (c.observed_at, c.tiebreak) < (excluded.observed_at, excluded.tiebreak)
    returning identifier_id, key
)
select distinct n.id from written w join incoming n on n.id = w.identifier_id and n.key = w.key
left join identity_profile p on p.id = n.id
where (p.traits -> n.key) is distinct from n.value
"""
# A value of a person is written when nothing computed stands there, or what stands makes another trait; what is not
# known is taken away from all identifiers of the person.
_DIFFERING = """
with incoming as materialized (
    select n.id, n.key, n.value from unnest(%(ids)s, %(keys)s, %(values)s) as n (id, key, value)
    join identity_identifier i on i.id = n.id and i.profile_id = n.id
), standing as materialized (
    select distinct i.profile_id as id, c.key from identity_identifier i
    join identity_claim c on c.identifier_id = i.id and c.source_id = %(source)s and c.key = any(%(names)s)
    where i.profile_id = any(%(profiles)s)
), differing as materialized (
    select n.id, n.key, n.value from incoming n left join standing s on s.id = n.id and s.key = n.key
    left join identity_profile p on p.id = n.id
    where case when n.value = 'null' then s.id is not null
          else s.id is null or (p.traits -> n.key) is distinct from n.value end
)
"""
_WHO_DIFFERS = f"{_DIFFERING} select distinct id from differing order by id"
_KEEP = f"""
{_DIFFERING}, written as (
    insert into identity_claim as c (identifier_id, key, source_id, value, observed_at, tiebreak)
    select id, key, %(source)s, value, %(now)s, %(run)s from differing where value <> 'null'
    on conflict (identifier_id, key, source_id) do update
    set value = excluded.value, observed_at = excluded.observed_at, tiebreak = excluded.tiebreak
    where (c.observed_at, c.tiebreak) < (excluded.observed_at, excluded.tiebreak)
), taken as (
    delete from identity_claim c using identity_identifier i, differing d
    where d.value = 'null' and i.profile_id = d.id and c.identifier_id = i.id and c.key = d.key
      and c.source_id = %(source)s
)
select distinct id from differing
"""
_OUTDATED = """
select distinct i.profile_id from identity_claim c join identity_identifier i on i.id = c.identifier_id
where c.source_id = %(source)s and c.key = any(%(keys)s)
  and not exists (select from unnest(%(kept)s) k (id) where k.id = i.profile_id)
"""
_RETRACT = """
delete from identity_claim c using identity_identifier i
where i.id = c.identifier_id and i.profile_id = any(%(profiles)s) and c.source_id = %(source)s and c.key = any(%(keys)s)
"""


def write_computed(
    conn: psycopg.Connection[Any],
    *,
    profile_ids: Sequence[int] | npt.NDArray[np.int64],
    columns: Mapping[str, Sequence[str]],
    run: int,
    now: datetime,
) -> set[int]:
    """Write traits (values as JSON text) of these profiles; answers those whose traits changed.

    Whoever was merged away meanwhile is passed over. `run` is the number of the computation, kept with each claim. The
    caller owns the transaction and the turn.
    """
    given = {**_given(profile_ids, columns), "run": run, "now": now}
    with psycopg.Cursor(conn) as cursor:
        changed = {row[0] for row in cursor.execute(_WRITE, given).fetchall()}
        return _reconcile(cursor, changed, now)


def differing_computed(
    conn: psycopg.Connection[Any],
    *,
    profile_ids: Sequence[int] | npt.NDArray[np.int64],
    columns: Mapping[str, Sequence[str]],
) -> npt.NDArray[np.int64]:
    """The profiles, ascending, of whom `keep_computed` would write anything."""
    with psycopg.Cursor(conn) as cursor:
        rows = cursor.execute(_WHO_DIFFERS, _given(profile_ids, columns)).fetchall()
    return np.array([row[0] for row in rows], dtype=np.int64)


def keep_computed(
    conn: psycopg.Connection[Any],
    *,
    profile_ids: Sequence[int] | npt.NDArray[np.int64],
    columns: Mapping[str, Sequence[str]],
    run: int,
    now: datetime,
) -> set[int]:
    """As `write_computed`, but only what is other than the profile's trait is written, with `null` for a trait that it
    shall not have. `run` must rise from one time to the next. The caller owns the transaction and the turn."""
    given = {**_given(profile_ids, columns), "run": run, "now": now}
    with psycopg.Cursor(conn) as cursor:
        changed = {row[0] for row in cursor.execute(_KEEP, given).fetchall()}
        return _reconcile(cursor, changed, now) if changed else changed


def _given(profile_ids: Sequence[int] | npt.NDArray[np.int64], columns: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    ids = np.asarray(profile_ids, dtype=np.int64)
    return {
        "ids": pg.int8s(np.tile(ids, len(columns))), "profiles": pg.int8s(ids), "names": pg.texts(columns),
        "keys": pg.texts(key for key in columns for _ in range(len(ids))),
        "values": pg.jsonbs(value for column in columns.values() for value in column), "source": COMPUTED_SOURCE,
    }  # fmt: skip


def outdated_computed(
    conn: psycopg.Connection[Any], *, keys: Sequence[str], kept: Sequence[int] | npt.NDArray[np.int64]
) -> list[int]:
    """The profiles outside of `kept` that still have one of these computed traits, ascending."""
    given = {"source": COMPUTED_SOURCE, "keys": pg.texts(keys), "kept": pg.int8s(np.asarray(kept, dtype=np.int64))}
    with psycopg.Cursor(conn) as cursor:
        return sorted(row[0] for row in cursor.execute(_OUTDATED, given).fetchall())


def retract_computed(
    conn: psycopg.Connection[Any], *, profile_ids: Sequence[int], keys: Sequence[str], now: datetime
) -> set[int]:
    """Take these computed traits from these profiles; answers those whose traits changed. The caller has the turn."""
    given = {"source": COMPUTED_SOURCE, "keys": pg.texts(keys), "profiles": pg.int8s(profile_ids)}
    with psycopg.Cursor(conn) as cursor:
        cursor.execute(_RETRACT, given)
        return _reconcile(cursor, set(profile_ids), now)


def _reconcile(cursor: psycopg.Cursor[Any], changed: set[int], now: datetime) -> set[int]:
    return profiles.write_profiles(cursor, born={}, reconcile=changed, policy=load_policy(cursor)[1], now=now)
