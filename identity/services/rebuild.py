"""Recompute everything derived from links and claims. On a healthy database it changes nothing."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

import psycopg
from django.db import transaction

from common import pg, turns
from identity.contracts import Move
from identity.policy import Policy
from identity.reconcile import Claim, traits_json
from identity.services import regroup, statements
from identity.services.policies import load_policy
from identity.services.scan import scan
from identity.services.settle import After, Settled, run_after

HOLDER = "rebuild"
Progress = Callable[[str, int], None]
_PROFILES_A_PIECE = 5_000

_SIZE = "select count(*) from identity_identifier"
_MISSING = """
insert into identity_profile (id, traits, created_at, updated_at)
select i.id, '{}', i.first_seen_at, %(now)s from identity_identifier i
where exists (select from identity_identifier m where m.profile_id = i.id)
  and not exists (select from identity_profile p where p.id = i.id)
returning id
"""
_ORPHANED = """
delete from identity_profile p where not exists (select from identity_identifier i where i.profile_id = p.id)
returning id
"""
_UNFOUNDED = """
update identity_profile p set traits = '{}', updated_at = %(now)s
where traits <> '{}' and not exists (
    select from identity_identifier i join identity_said c on c.identifier_id = i.id where i.profile_id = p.id
) returning id
"""
_ALL_CLAIMS = """
select i.profile_id, c.key, c.value::text, (extract(epoch from c.observed_at) * 1000000)::bigint, c.tiebreak,
       c.source_id, c.identifier_id
from identity_said c join identity_identifier i on i.id = c.identifier_id order by i.profile_id
"""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What differed. All zero but `identifiers` on a healthy database."""

    identifiers: int
    identifiers_differing: int
    refusals_differing: int
    profiles_created: int
    profiles_retired: int
    traits_changed: int

    @property
    def healthy(self) -> bool:
        """Whether nothing had to be changed."""
        return not any(value for name, value in asdict(self).items() if name != "identifiers")


def rebuild_profiles(*, now: datetime, after: After | None = None, progress: Progress | None = None) -> Rebuilt:
    """Recompute components, the partition and traits from links and claims, in one turn; the applier waits for it."""
    with transaction.atomic():
        conn = pg.raw()
        turns.take(conn, HOLDER)
        policy = load_policy(psycopg.Cursor(conn))[1]
        rebuilt, settled = rebuild_under(conn, policy, now=now, progress=progress)
        run_after(after, conn, settled)
    return rebuilt


def rebuild_under(
    conn: psycopg.Connection[Any], policy: Policy, *, now: datetime, progress: Progress | None = None
) -> tuple[Rebuilt, Settled]:
    """Bring everything derived in line with this policy. The caller owns the transaction and the turn."""
    cursor = psycopg.Cursor(conn)
    ((total,),) = cursor.execute(_SIZE).fetchall()
    moved: list[Move] = []
    differing = refusals = done = 0
    for members, changes in scan(conn, policy):
        regroup.write(cursor, changes)
        moved += changes.moved
        differing += len(changes.updated)
        refusals += len(changes.refused) + len(changes.unrefused)
        done += len(members)
        if progress is not None:
            progress("identifiers", done)
    refusals += _drop_stray_refusals(cursor)
    created = [row[0] for row in cursor.execute(_MISSING, {"now": now})]
    retired = [row[0] for row in cursor.execute(_ORPHANED)]
    traits_changed = {row[0] for row in cursor.execute(_UNFOUNDED, {"now": now})}
    traits_changed |= _rewrite_traits(conn, policy, now, progress)
    rebuilt = Rebuilt(total, differing, refusals, len(created), len(retired), len(traits_changed))
    return rebuilt, Settled(tuple(moved), tuple(created), tuple(retired), frozenset(traits_changed))


def _drop_stray_refusals(cursor: psycopg.Cursor[Any]) -> int:
    """Refusals of links that are no longer active."""
    return cursor.execute(
        "delete from identity_refusal r where not exists"
        " (select from identity_link l where l.a = r.a and l.b = r.b and l.retracted_at is null)"
    ).rowcount


def claims_by_profile(conn: psycopg.Connection[Any]) -> Iterator[tuple[int, list[Claim]]]:
    """All claims, profile by profile, without holding them all."""
    with psycopg.ServerCursor(conn, "identity_claims") as cursor:
        cursor.itersize = 20_000
        cursor.execute(_ALL_CLAIMS)
        for profile_id, rows in groupby(cursor, key=lambda row: row[0]):
            yield profile_id, [Claim._make(row[1:]) for row in rows]


def _rewrite_traits(
    conn: psycopg.Connection[Any], policy: Policy, now: datetime, progress: Progress | None
) -> set[int]:
    cursor = psycopg.Cursor(conn)
    changed: set[int] = set()
    stream = claims_by_profile(conn)
    done = 0
    while piece := list(islice(stream, _PROFILES_A_PIECE)):
        rows = cursor.execute(
            statements.WRITE_PROFILES,
            {
                "ids": pg.int8s([profile_id for profile_id, _ in piece]),
                "traits": pg.jsonbs([traits_json(claims, policy) for _, claims in piece]),
                "created": pg.timestamps([0] * len(piece)),
                "now": now,
            },
        )
        changed |= {row[0] for row in rows}
        done += len(piece)
        if progress is not None:
            progress("profiles", done)
    return changed
