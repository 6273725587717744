"""Recompute what a steward, linkage or a repair has touched. Outside the hot path: no memory, ids in, changes out."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from common import pg
from identity.contracts import Move
from identity.policy import Policy
from identity.services import profiles, regroup, statements

# Runs inside the transaction that moved identifiers: (connection, moves, profiles whose traits changed).
After = Callable[[psycopg.Connection[Any], list[Move], set[int]], None]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a recomputation changed."""

    moved: tuple[Move, ...]
    created: tuple[int, ...]
    retired: tuple[int, ...]
    traits_changed: frozenset[int]


def load_identifiers(cursor: psycopg.Cursor[Any], ids: Collection[int]) -> dict[int, regroup.Member]:
    """The stored identifiers with these ids."""
    if not ids:
        return {}
    rows = cursor.execute(statements.STANDING, {"ids": pg.int8s(sorted(ids))}).fetchall()
    return {row[0]: regroup.Member._make((*row, True)) for row in rows}


def settle(
    cursor: psycopg.Cursor[Any],
    touched: Collection[int],
    *,
    policy: Policy,
    now: datetime,
    claimed: Collection[int] = (),
) -> Settled:
    """Recompute the components of the touched identifiers and write what differs. The caller has the turn.

    `claimed`: identifiers of which other claims stand now; the traits of their profiles are reconciled anew.
    """
    found = load_identifiers(cursor, touched)
    freed = {n for member in found.values() if member.quarantine for n in _freed_neighbours(cursor, member, policy)}
    found.update(load_identifiers(cursor, freed - found.keys()))
    members = regroup.load_members(cursor, {member.component for member in found.values()})
    around = regroup.load_around(cursor, [member.id for member in members])
    changes = regroup.decide(members, around, policy)
    regroup.write(cursor, changes)
    traits_changed = profiles.write_profiles(
        cursor, born=changes.born, reconcile=changes.reshaped | _profiles_of(cursor, claimed), policy=policy, now=now
    )
    profiles.delete_profiles(cursor, changes.retired)
    return Settled(tuple(changes.moved), tuple(changes.born), tuple(changes.retired), frozenset(traits_changed))


def _profiles_of(cursor: psycopg.Cursor[Any], ids: Collection[int]) -> set[int]:
    return {member.profile for member in load_identifiers(cursor, ids).values()}


def _freed_neighbours(cursor: psycopg.Cursor[Any], member: regroup.Member, policy: Policy) -> set[int]:
    """The neighbours of an identifier that leaves quarantine because a link was taken back; else none."""
    most = policy.of(member.kind).max_degree
    if policy.blocks(member.value):
        return set()
    rows = cursor.execute(statements.NEIGHBOURS, {"id": member.id, "most": most + 1}).fetchall()
    return {neighbour for (neighbour,) in rows} if len(rows) <= most else set()


def run_after(after: After | None, conn: psycopg.Connection[Any], settled: Settled) -> None:
    """Run the caller's hook in the transaction that moved people.

    Django's connection binds parameters on the client; the hook's statements send packed arrays, which need the
    server's binding.
    """
    if after is None or not (settled.moved or settled.traits_changed):
        return
    usual = conn.cursor_factory
    conn.cursor_factory = psycopg.Cursor
    try:
        after(conn, list(settled.moved), set(settled.traits_changed))
    finally:
        conn.cursor_factory = usual
