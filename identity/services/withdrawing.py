"""Taking evidence back: identifiers, links, claims and profiles as they would be if it had never come.

What is stored of a link, a claim or an identifier is the earliest or the latest of all that ever told it. So only where
the evidence that goes was that one, the rest must be asked; everywhere else what is stored is right already. That also
holds where the log no longer has the rest, because it is past its retention.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg

from common import pg
from identity import graph, locks
from identity.contracts import ConsentIn, Evidence, IdentifierKey, Withdrawn
from identity.kinds import PREVIOUS_ID, kind_strength
from identity.services import consents, profiles, statements
from identity.services.decisions import forget_in_decisions
from identity.services.erasing import PAIRWISE, RECORDS
from identity.services.evidence import BASIS_RANK, Slot, Told, claim_columns, latest_claims, namesakes_of
from identity.services.naming import Names
from identity.services.policies import load_policy
from identity.services.settle import settle

_LINKS_AT = """
select a, b, basis, (extract(epoch from first_at) * 1000000)::bigint, retracted_at is not null
from identity_link where origin = 1 and a = any(%(ids)s)
union
select a, b, basis, (extract(epoch from first_at) * 1000000)::bigint, retracted_at is not null
from identity_link where origin = 1 and b = any(%(ids)s)
"""
_CLAIMS_AT = """
select identifier_id, key, source_id, (extract(epoch from observed_at) * 1000000)::bigint, tiebreak
from identity_claim where identifier_id = any(%(ids)s)
"""
_DELETE_LINKS = """
delete from identity_link l using unnest(%(a)s, %(b)s) as n (a, b) where l.a = n.a and l.b = n.b and l.origin = 1
"""
_CHANGE_LINKS = """
update identity_link l set first_at = n.first_at, basis = (%(names)s)[n.basis]
from unnest(%(a)s, %(b)s, %(bases)s, %(at)s) as n (a, b, basis, first_at)
where l.a = n.a and l.b = n.b and l.origin = 1
"""
_DELETE_CLAIMS = """
delete from identity_claim c using unnest(%(ids)s, %(keys)s, %(sources)s) as n (id, key, source)
where c.identifier_id = n.id and c.key = (%(names)s)[n.key] and c.source_id = n.source
"""
_SEEN = """
update identity_identifier i set first_seen_at = n.seen from unnest(%(ids)s, %(seen)s) as n (id, seen) where i.id = n.id
"""
# A profile that was born with what goes was born later, by what is left.
_BORN = """
update identity_profile p set created_at = n.seen from unnest(%(ids)s, %(before)s, %(seen)s) as n (id, before, seen)
where p.id = n.id and p.created_at = n.before
"""
# Everybody who stands around them: their components, and whoever has a link of any origin to one of them.
_AROUND = """
select id from identity_identifier
where component_id in (select component_id from identity_identifier where id = any(%(ids)s))
union select a from identity_link where b = any(%(ids)s)
union select b from identity_link where a = any(%(ids)s)
"""
_COMPONENTS = """
select id, component_id from identity_identifier where id = any(%(ids)s) order by component_id, id
"""
_PROFILES = "select distinct profile_id from identity_identifier where id = any(%(ids)s)"
_EMPTY = """
select p from unnest(%(ids)s) as p where not exists (select from identity_identifier i where i.profile_id = p)
"""

# Asked for all that is left of what these identifiers carry, piece by piece.
Rest = Callable[[Collection[int]], Iterable[Evidence]]


class _Link(NamedTuple):
    basis: str
    first_us: int
    retracted: bool


@dataclass(slots=True)
class _Stored:
    """What is stored of whom the evidence names."""

    ids: dict[IdentifierKey, int] = field(default_factory=dict)
    seen: dict[int, int] = field(default_factory=dict)
    links: dict[graph.Pair, _Link] = field(default_factory=dict)
    claims: dict[Slot, tuple[int, int]] = field(default_factory=dict)
    consented: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class _Said:
    """Evidence by ids: when each was first seen, links with their earliest time and best basis, latest claims."""

    seen: dict[int, int] = field(default_factory=dict)
    links: dict[graph.Pair, tuple[int, str]] = field(default_factory=dict)
    claims: dict[Slot, Told] = field(default_factory=dict)

    def add(self, evidence: Evidence, ids: Mapping[IdentifierKey, int]) -> None:
        """Take more evidence in; of identifiers without an id nothing is kept."""
        places = [ids.get(key, 0) for key in evidence.keys]
        for one, seen_us in zip(places, evidence.seen_us, strict=True):
            if one:
                self.seen[one] = min(seen_us, self.seen.get(one, seen_us))
        for place_a, place_b, at_us, basis in evidence.links:
            a, b = sorted((places[place_a], places[place_b]))
            same = evidence.keys[place_a].value == evidence.keys[place_b].value
            if a and a != b and not (basis == graph.ALIAS and same):
                known = self.links.get((a, b), (at_us, basis))
                self.links[a, b] = (min(at_us, known[0]), min(basis, known[1], key=BASIS_RANK.__getitem__))
        for slot, told in latest_claims(places, evidence.claims).items():
            if slot[0] and told > self.claims.get(slot, (-(2**63), 0, b"")):
                self.claims[slot] = told


@dataclass(slots=True)
class _Doubts:
    """What rests, as far as is known, on what goes alone."""

    ids: set[int]
    links: set[graph.Pair]
    claims: set[Slot]


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    gone: list[int] = field(default_factory=list)
    seen: dict[int, int] = field(default_factory=dict)
    links_gone: list[graph.Pair] = field(default_factory=list)
    links: dict[graph.Pair, tuple[int, str]] = field(default_factory=dict)
    claims_gone: list[Slot] = field(default_factory=list)
    claims: dict[Slot, Told] = field(default_factory=dict)


def withdraw(conn: psycopg.Connection[Any], *, evidence: Evidence, rest: Rest, now: datetime) -> Withdrawn:
    """Take evidence back. `rest` answers all evidence that is left of what some identifiers carry.

    The caller has the turn, has taken the events away (`rest` must not tell of them), and follows who moved. What
    people and linkage said of identifiers that are no more goes with them; a link that a steward retracted stays so.
    """
    cursor = psycopg.Cursor(conn)
    cursor.execute("select pg_advisory_xact_lock(%(lock)s)", {"lock": locks.LINKAGE})
    stored, going = _stored(cursor, evidence), _Said()
    going.add(evidence, stored.ids)
    doubts = _doubts(stored, going)
    resting = consents.resting_on(cursor, stored.seen.keys(), _told_by(evidence, stored))
    stored.consented = resting.named_us
    left, chosen = _Said(), list[tuple[int, ConsentIn]]()
    for piece in rest(_to_ask(stored, doubts) | resting.identifier_ids):
        left.add(piece, stored.ids)
        chosen += _told_by(piece, stored)
    plan = _decide(stored, doubts, left)
    consents.take_back(cursor, resting, chosen, now=now)
    return _write(cursor, plan, stored, chose=resting.identifier_ids, now=now)


def _told_by(evidence: Evidence, stored: _Stored) -> list[tuple[int, ConsentIn]]:
    """What the evidence tells of consent, by the identifiers that are stored."""
    ids = [stored.ids.get(key, 0) for key in evidence.keys]
    return [(ids[one.key_index], one) for one in evidence.consents if ids[one.key_index]]


def by_component(conn: psycopg.Connection[Any], identifier_ids: Collection[int]) -> list[tuple[int, int]]:
    """(identifier, component) of these identifiers, component after component."""
    cursor = psycopg.Cursor(conn)
    return cursor.execute(_COMPONENTS, {"ids": pg.int8s(sorted(identifier_ids))}).fetchall()


def _stored(cursor: psycopg.Cursor[Any], evidence: Evidence) -> _Stored:
    names, stored = Names(), _Stored()
    keys = {
        "kinds": pg.int4s([names[key.kind] for key in evidence.keys]),
        "values": pg.texts([key.value for key in evidence.keys]),
    }
    for place, one, *_, seen_us in cursor.execute(statements.LOOKUP, {**keys, "names": names.packed()}).fetchall():
        stored.ids[evidence.keys[place - 1]], stored.seen[one] = one, seen_us
    ids = {"ids": pg.int8s(sorted(stored.seen))}
    for a, b, *link in cursor.execute(_LINKS_AT, ids).fetchall():
        stored.links[a, b] = _Link(*link)
    for one, key, source_id, *told in cursor.execute(_CLAIMS_AT, ids).fetchall():
        stored.claims[one, key, source_id] = (told[0], told[1])
    return stored


def _doubts(stored: _Stored, going: _Said) -> _Doubts:
    previous = {one for key, one in stored.ids.items() if key.kind == PREVIOUS_ID}
    return _Doubts(
        ids={one for one, at_us in going.seen.items() if stored.seen[one] >= at_us},
        links={
            pair for pair, (at_us, _) in going.links.items()
            if pair in stored.links and (stored.links[pair].first_us >= at_us or previous.intersection(pair))
        },
        claims={slot for slot, told in going.claims.items() if stored.claims.get(slot) == (told[0], told[1])},
    )  # fmt: skip


def _to_ask(stored: _Stored, doubts: _Doubts) -> set[int]:
    """The identifiers whose events can say something of what is in doubt."""
    kind = {one: key.kind for key, one in stored.ids.items()}
    asked = doubts.ids | {slot[0] for slot in doubts.claims}
    for a, b in doubts.links:
        # An event hangs on the stronger of its identifiers.
        strength = {one: kind_strength(kind[one]) for one in (a, b)}
        asked |= {one for one in (a, b) if strength[one] == min(strength.values())}
    previous = {one for one in asked.union(*doubts.links) if kind.get(one) == PREVIOUS_ID}
    for pair, link in stored.links.items():
        # An alias may hang on a third; and a retracted link does not say whether its ends came together again.
        if previous.intersection(pair) or link.retracted and doubts.ids.intersection(pair):
            asked.update(pair)
    return asked


def _decide(stored: _Stored, doubts: _Doubts, left: _Said) -> _Plan:
    """What is left of what is in doubt. Pure."""
    plan = _Plan()
    for slot in doubts.claims:
        if slot in left.claims:
            plan.claims[slot] = left.claims[slot]
        else:
            plan.claims_gone.append(slot)
    earliest = _mentions(stored, doubts, left, plan)
    for one in doubts.ids:
        if one not in earliest:
            plan.gone.append(one)
        elif earliest[one] != stored.seen[one]:
            plan.seen[one] = earliest[one]
    gone, key_of = set(plan.gone), {one: key for key, one in stored.ids.items()}
    for pair in doubts.links:
        _decide_link(plan, pair, stored.links[pair], left.links.get(pair), gone, key_of)
    return plan


def _mentions(stored: _Stored, doubts: _Doubts, left: _Said, plan: _Plan) -> dict[int, int]:
    """When each identifier was first seen by what is left: in events, in links that stand, in claims and consents."""
    earliest = dict(left.seen)

    def note(one: int, at_us: int) -> None:
        earliest[one] = min(at_us, earliest.get(one, at_us))

    for pair, link in stored.links.items():
        if pair not in doubts.links and not link.retracted and link.basis != graph.SAME_VALUE:
            for one in pair:
                note(one, link.first_us)
    standing = [(slot[0], at_us) for slot, (at_us, _) in stored.claims.items() if slot not in doubts.claims]
    again = [(slot[0], told[0]) for slot, told in plan.claims.items()]
    for one, at_us in (*standing, *again, *stored.consented.items()):
        note(one, at_us)
    return earliest


def _decide_link(
    plan: _Plan,
    pair: graph.Pair,
    link: _Link,
    said: tuple[int, str] | None,
    gone: set[int],
    key_of: Mapping[int, IdentifierKey],
) -> None:
    told = [] if said is None else [said]
    if key_of[pair[0]] in namesakes_of(key_of[pair[1]]) and gone.isdisjoint(pair):
        told.append((0, graph.SAME_VALUE))
    if not told:
        if gone.isdisjoint(pair) and not link.retracted:
            plan.links_gone.append(pair)
        return
    right = (min(at_us for at_us, _ in told), min((basis for _, basis in told), key=BASIS_RANK.__getitem__))
    if right != (link.first_us, link.basis):
        plan.links[pair] = right


def _write(cursor: psycopg.Cursor[Any], plan: _Plan, stored: _Stored, *, chose: set[int], now: datetime) -> Withdrawn:
    gone = {"ids": pg.int8s(sorted(plan.gone)), "now": now}
    touched = {end for pair in (*plan.links_gone, *plan.links) for end in pair} | plan.seen.keys()
    homes: list[int] = []
    if plan.gone:
        touched |= {row[0] for row in cursor.execute(_AROUND, gone).fetchall()}
        homes = [row[0] for row in cursor.execute(_PROFILES, gone).fetchall()]
    claimed = {slot[0] for slot in (*plan.claims, *plan.claims_gone)}.union(chose).difference(plan.gone)
    if plan.gone:
        # Who shared a profile with them has it without their claims, also where nobody moves.
        claimed |= touched.difference(plan.gone)
    _write_links(cursor, plan)
    _write_claims(cursor, plan)
    if plan.seen:
        _write_seen(cursor, plan, stored)
    rows = _delete_identifiers(cursor, plan, gone)
    settled = settle(cursor, touched.difference(plan.gone), policy=load_policy(cursor)[1], now=now, claimed=claimed)
    empty = [row[0] for row in cursor.execute(_EMPTY, {"ids": pg.int8s(homes)}).fetchall()] if homes else []
    profiles.delete_profiles(cursor, empty)
    retired = sorted({*settled.retired, *empty})
    if retired:
        cursor.execute(RECORDS, {"profiles": pg.int8s(retired)})
    rows |= {
        "links": rows.get("links", 0) + len(plan.links_gone), "claims": rows.get("claims", 0) + len(plan.claims_gone),
        "claims_before": len(plan.claims), "people": len(empty),
        "consents": len(chose), "parted": max(len(settled.created) - len(set(settled.retired)), 0),
    }  # fmt: skip
    return Withdrawn(tuple(plan.gone), settled.moved, tuple(retired), settled.traits_changed, rows)


def _write_links(cursor: psycopg.Cursor[Any], plan: _Plan) -> None:
    if plan.links_gone:
        cursor.execute(_DELETE_LINKS, _pairs(plan.links_gone))
    if plan.links:
        names = Names()
        given = {
            **_pairs(list(plan.links)), "bases": pg.int4s([names[basis] for _, basis in plan.links.values()]),
            "at": pg.timestamps([at_us for at_us, _ in plan.links.values()]),
        }  # fmt: skip
        cursor.execute(_CHANGE_LINKS, {**given, "names": names.packed()})


def _pairs(pairs: Sequence[graph.Pair]) -> dict[str, Any]:
    return {"a": pg.int8s([a for a, _ in pairs]), "b": pg.int8s([b for _, b in pairs])}


def _write_claims(cursor: psycopg.Cursor[Any], plan: _Plan) -> None:
    """Those that were replaced go first: an earlier claim never replaces a later one."""
    slots = [*plan.claims, *plan.claims_gone]
    if slots:
        names = Names()
        given = {
            "ids": pg.int8s([slot[0] for slot in slots]), "keys": pg.int4s([names[slot[1]] for slot in slots]),
            "sources": pg.int4s([slot[2] for slot in slots]),
        }  # fmt: skip
        cursor.execute(_DELETE_CLAIMS, {**given, "names": names.packed()})
    if plan.claims:
        cursor.execute(statements.APPEND_CLAIMS, claim_columns(plan.claims))


def _write_seen(cursor: psycopg.Cursor[Any], plan: _Plan, stored: _Stored) -> None:
    given = {
        "ids": pg.int8s(list(plan.seen)), "seen": pg.timestamps(list(plan.seen.values())),
        "before": pg.timestamps([stored.seen[one] for one in plan.seen]),
    }  # fmt: skip
    cursor.execute(_BORN, given)
    cursor.execute(_SEEN, {"ids": given["ids"], "seen": given["seen"]})


def _delete_identifiers(cursor: psycopg.Cursor[Any], plan: _Plan, gone: Mapping[str, Any]) -> dict[str, int]:
    if not plan.gone:
        return {}
    forget_in_decisions(cursor, set(plan.gone), now=gone["now"])
    ids = {"ids": gone["ids"]}
    rows = {
        name: cursor.execute(f"delete from identity_{name} where a = any(%(ids)s) or b = any(%(ids)s)", ids).rowcount
        for name in PAIRWISE
    }
    claims = cursor.execute("delete from identity_claim where identifier_id = any(%(ids)s)", ids).rowcount
    cursor.execute("delete from identity_consent where identifier_id = any(%(ids)s)", ids)
    cursor.execute("delete from identity_identifier where id = any(%(ids)s)", ids)
    return {"identifiers": len(plan.gone), "links": rows["link"], "claims": claims, "bans": rows["cannotlink"]}
