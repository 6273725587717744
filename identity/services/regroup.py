"""Recompute components: load them, ask the pure partition, and find what differs from what is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import psycopg

from common import pg
from identity import graph
from identity.contracts import Move
from identity.policy import Policy
from identity.services import statements
from identity.services.naming import Names

_BAN, _REFUSED = -1, -2


class Member(NamedTuple):
    """One identifier with what is stored of it; `stored` is false for one that this batch brought."""

    id: int
    kind: str
    value: str
    component: int
    profile: int
    quarantine: str
    seen_us: int
    stored: bool


@dataclass(slots=True)
class Around:
    """What touches a set of identifiers: active links, bans, and the refusals stored so far."""

    links: list[graph.Link] = field(default_factory=list)
    bans: set[graph.Pair] = field(default_factory=set)
    refusals: dict[graph.Pair, str] = field(default_factory=dict)


@dataclass(slots=True)
class Changes:
    """The difference between the stored components and the right ones. Nothing is written yet."""

    inserted: list[Member] = field(default_factory=list)
    updated: list[Member] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    born: dict[int, int] = field(default_factory=dict)
    retired: list[int] = field(default_factory=list)
    reshaped: set[int] = field(default_factory=set)
    refused: list[graph.Refusal] = field(default_factory=list)
    unrefused: list[graph.Pair] = field(default_factory=list)


def load_members(cursor: psycopg.Cursor[Any], component_ids: Iterable[int]) -> list[Member]:
    """The stored identifiers of these raw components."""
    rows = cursor.execute(statements.MEMBERS, {"components": pg.int8s(list(component_ids))}).fetchall()
    return [Member._make((*row, True)) for row in rows]


def load_around(cursor: psycopg.Cursor[Any], ids: Sequence[int]) -> Around:
    """The links, bans and refusals of these identifiers, also those that lead outside."""
    around = Around()
    rows = cursor.execute(statements.AROUND, {"ids": pg.int8s(ids)}).fetchall()
    around.links = [graph.Link._make(row) for row in rows if row[2] >= 0]
    for a, b, origin, text, *_ in rows if len(around.links) < len(rows) else ():
        if origin == _BAN:
            around.bans.add((a, b))
        elif origin == _REFUSED:
            around.refusals[(a, b)] = text
    return around


def decide(members: Sequence[Member], around: Around, policy: Policy) -> Changes:
    """Compare the partition with what is stored. Pure."""
    result = graph.partition(identifiers=members, links=around.links, cannot_links=around.bans, policy=policy)
    changes = Changes()
    _compare_members(members, result, changes)
    _compare_refusals(result.refused, around.refusals, changes)
    return changes


def _compare_members(members: Sequence[Member], result: graph.Partition, changes: Changes) -> None:
    component, group, quarantined = result.component, result.group, result.quarantined
    live_before: set[int] = set()
    for member in members:
        identifier_id = member.id
        to = group[identifier_id]
        right = (component[identifier_id], to, quarantined.get(identifier_id, ""))
        differs = (member.component, member.profile, member.quarantine) != right
        now = member._replace(component=right[0], profile=to, quarantine=right[2]) if differs else member
        if not member.stored:
            changes.inserted.append(now)
            continue
        live_before.add(member.profile)
        if differs:
            changes.updated.append(now)
            if to != member.profile:
                changes.moved.append(Move(identifier_id, member.profile, to))
    seen = {member.id: member.seen_us for member in members}
    live_after = set(result.group.values())
    changes.born = {profile: seen[profile] for profile in sorted(live_after - live_before)}
    changes.retired = sorted(live_before - live_after)
    changes.reshaped = {move.to_profile for move in changes.moved}
    changes.reshaped |= {move.from_profile for move in changes.moved} & live_after


def _compare_refusals(refused: Sequence[graph.Refusal], stored: dict[graph.Pair, str], changes: Changes) -> None:
    right = {(refusal.a, refusal.b): refusal for refusal in refused}
    changes.unrefused = [pair for pair in stored if pair not in right]
    changes.refused = [r for pair, r in right.items() if stored.get(pair) != f"{r.reason}:{r.detail}"]


def write(cursor: psycopg.Cursor[Any], changes: Changes) -> None:
    """Store identifiers and refusals. Profiles follow in `identity.services.profiles`, once claims are in."""
    if changes.inserted:
        _insert(cursor, changes.inserted)
    if changes.updated:
        rows = changes.updated
        cursor.execute(
            statements.UPDATE_IDENTIFIERS,
            {
                "ids": pg.int8s([m.id for m in rows]),
                "components": pg.int8s([m.component for m in rows]),
                "profiles": pg.int8s([m.profile for m in rows]),
                "quarantines": pg.texts([m.quarantine for m in rows]),
                "seen": pg.timestamps([m.seen_us for m in rows]),
            },
        )
    if changes.unrefused:
        cursor.execute(statements.DELETE_REFUSALS, _pairs(changes.unrefused))
    if changes.refused:
        cursor.execute(
            statements.INSERT_REFUSALS,
            {
                **_pairs([(r.a, r.b) for r in changes.refused]),
                "reasons": pg.texts([r.reason for r in changes.refused]),
                "details": pg.texts([r.detail for r in changes.refused]),
            },
        )


def _insert(cursor: psycopg.Cursor[Any], rows: Sequence[Member]) -> None:
    names = Names()
    cursor.execute(
        statements.INSERT_IDENTIFIERS,
        {
            "ids": pg.int8s([m.id for m in rows]),
            "kinds": pg.int4s([names[m.kind] for m in rows]),
            "values": pg.texts([m.value for m in rows]),
            "components": pg.int8s([m.component for m in rows]),
            "profiles": pg.int8s([m.profile for m in rows]),
            "quarantines": pg.int4s([names[m.quarantine] for m in rows]),
            "seen": pg.timestamps([m.seen_us for m in rows]),
            "names": names.packed(),
        },
    )


def _pairs(pairs: Sequence[graph.Pair]) -> dict[str, Any]:
    return {"a": pg.int8s([a for a, _ in pairs]), "b": pg.int8s([b for _, b in pairs])}
