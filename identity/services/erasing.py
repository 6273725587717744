"""Erasing people: every row that names their identifiers goes, and who is left around them is recomputed."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from identity import locks
from identity.contracts import Erased, IdentifierKey, Person
from identity.services.policies import load_policy
from identity.services.settle import settle

_MEMBERS = """
select id, kind, value, profile_id from identity_identifier
where profile_id in (select profile_id from identity_identifier where id = any(%(ids)s)) order by id
"""
# Whoever was linked to them, also by links that the policy refused.
_NEIGHBOURS = """
select id from identity_identifier
where component_id in (select component_id from identity_identifier where id = any(%(ids)s)) and id <> all(%(ids)s)
order by id
"""
RECORDS = """
with gone as (delete from identity_linkagerecord where profile_id = any(%(profiles)s)
              returning profile_id, keys, terms),
listed as (select profile_id, unnest(keys) as key_hash from gone),
unlisted as (delete from identity_blockingkey k using listed l
             where k.key_hash = l.key_hash and k.profile_id = l.profile_id),
unmarked as (delete from identity_fullblock f using listed l where f.key_hash = l.key_hash),
counted as (update identity_blockcount c set records = c.records - n.n
            from (select key_hash, count(*)::int as n from (select unnest(terms) as key_hash from gone) t group by 1) n
            where c.key_hash = n.key_hash)
select count(*), coalesce((select array_agg(distinct t.key_hash) from gone, unnest(terms) as t (key_hash)), '{}')
from gone
"""
# A value that nobody holds any more leaves no digest behind.
_UNCOUNTED = "delete from identity_blockcount where key_hash = any(%s) and records <= 0"
# What people wrote when they decided, and what may be undone of it, go; that a decision was made stays.
_DECISIONS = """
update identity_decision set reason = '', effects = '{}', undone_at = coalesce(undone_at, %(now)s),
    undone_by = case when undone_at is null then 'erasure' else undone_by end
where profile_ids && %(profiles)s::bigint[] and (reason <> '' or effects <> '{}')
"""
PAIRWISE = ("link", "cannotlink", "refusal", "reviewpair", "runlink")


def person_of(conn: psycopg.Connection[Any], identifier_ids: Collection[int]) -> Person:
    """The person as he is now; empty when none of the identifiers is known any more."""
    with psycopg.Cursor(conn) as cursor:
        rows = cursor.execute(_MEMBERS, {"ids": pg.int8s(sorted(identifier_ids))}).fetchall()
        ids = tuple(row[0] for row in rows)
        around = cursor.execute(_NEIGHBOURS, {"ids": pg.int8s(ids)}).fetchall()
    return Person(
        identifier_ids=ids,
        profile_ids=tuple(sorted({row[3] for row in rows})),
        keys=tuple(IdentifierKey(row[1], row[2]) for row in rows),
        neighbours=tuple(row[0] for row in around),
    )


def erase(conn: psycopg.Connection[Any], person: Person, *, now: datetime) -> Erased:
    """Delete everything of this person. The caller has the turn, and follows those who moved."""
    ids = {"ids": pg.int8s(person.identifier_ids), "profiles": pg.int8s(_all_ids(person)), "now": now}
    rows: dict[str, int] = {}
    with psycopg.Cursor(conn) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%(lock)s)", {"lock": locks.LINKAGE})
        rows["identity_claim"] = cursor.execute(
            "delete from identity_claim where identifier_id = any(%(ids)s)", ids
        ).rowcount
        rows["identity_consent"] = cursor.execute(
            "delete from identity_consent where identifier_id = any(%(ids)s)", ids
        ).rowcount
        for table in PAIRWISE:
            statement = f"delete from identity_{table} where a = any(%(ids)s) or b = any(%(ids)s)"
            rows[f"identity_{table}"] = cursor.execute(statement, ids).rowcount
        found = cursor.execute(RECORDS, ids).fetchone()
        rows["identity_linkagerecord"] = int(found[0]) if found else 0
        if found:
            cursor.execute(_UNCOUNTED, [found[1]])
        rows["identity_decision"] = cursor.execute(_DECISIONS, ids).rowcount
        rows["identity_profile"] = cursor.execute(
            "delete from identity_profile where id = any(%(profiles)s)", ids
        ).rowcount
        rows["identity_identifier"] = cursor.execute(
            "delete from identity_identifier where id = any(%(ids)s)", ids
        ).rowcount
        settled = settle(cursor, person.neighbours, policy=load_policy(cursor)[1], now=now)
    return Erased(rows, settled.moved, settled.traits_changed)


def _all_ids(person: Person) -> list[int]:
    """The profiles, and the ids that once were: an identifier's id may be that of a profile that was merged."""
    return sorted({*person.profile_ids, *person.identifier_ids})
