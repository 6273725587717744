"""The hot-path door: a batch of evidence in, who is who out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import psycopg

from common import pg
from identity import graph
from identity.contracts import ClaimIn, ConsentIn, Evidence, IdentifierKey, Resolution
from identity.kinds import ANONYMOUS_ID, PREVIOUS_ID, USER_ID
from identity.policy import Policy
from identity.reconcile import says_nothing
from identity.services import profiles, regroup, statements
from identity.services.consents import store_consents
from identity.services.memory import Memory, Standing
from identity.services.naming import Names
from identity.services.policies import load_policy

BASIS_RANK = {"observed": 0, graph.ALIAS: 1, graph.SAME_VALUE: 2}
# Namesakes belong together whenever either appeared, so their link has no time of its own: it sorts first.
_ALWAYS_US = 0


@dataclass(slots=True)
class _Batch:
    """One batch under way."""

    cursor: psycopg.Cursor[Any]
    memory: Memory
    policy: Policy
    now: datetime
    ids: list[int] = field(default_factory=list)
    newborn: dict[int, regroup.Member] = field(default_factory=dict)
    namesakes: set[graph.Pair] = field(default_factory=set)


def apply_evidence(conn: psycopg.Connection[Any], *, evidence: Evidence, memory: Memory, now: datetime) -> Resolution:
    """Store identifiers, links and claims, and bring profiles and traits up to date.

    The caller owns the transaction and the turn, and empties `memory` after a rollback. The number of statements does
    not depend on the size of the batch. The same evidence in any order and any batches gives the same people and
    traits; only profile ids depend on arrival.
    """
    cursor = psycopg.Cursor(conn)
    if memory.policy is None:
        memory.policy = load_policy(cursor)[1]
    batch = _Batch(cursor, memory, memory.policy, now)
    _identify(batch, evidence)
    _note_earlier_sightings(batch, evidence)
    changes = _regroup(batch, _store_links(batch, evidence))
    regroup.write(cursor, changes)
    claimed = _store_claims(batch, evidence.claims) | _store_consents(batch, evidence.consents)
    traits_changed = profiles.write_profiles(
        cursor, born=changes.born, reconcile=changes.reshaped | claimed, policy=batch.policy, now=now
    )
    profiles.delete_profiles(cursor, changes.retired)
    standing = memory.standing
    return Resolution(
        identifier_ids=np.array(batch.ids, dtype=np.int64),
        profile_ids=np.fromiter((standing[i].profile for i in batch.ids), dtype=np.int64, count=len(batch.ids)),
        moved=changes.moved,
        created=list(changes.born),
        retired=changes.retired,
        traits_changed=traits_changed,
    )


def _identify(batch: _Batch, evidence: Evidence) -> None:
    """Give each key its id: from memory, from the table, or a new one in order of arrival."""
    known = batch.memory.ids
    ids = [known.get(key) for key in evidence.keys]
    missing = [place for place, identifier_id in enumerate(ids) if identifier_id is None]
    if missing:
        _look_up(batch, [evidence.keys[place] for place in missing])
        new = [place for place in missing if evidence.keys[place] not in known]
        if new:
            _give_birth(batch, evidence, new)
        for place in missing:
            ids[place] = known[evidence.keys[place]]
    batch.ids = [identifier_id for identifier_id in ids if identifier_id is not None]


def namesakes_of(key: IdentifierKey) -> tuple[IdentifierKey, ...]:
    """The identifiers that are the same id under another kind: `previousId` does not say of what kind it is."""
    if key[0] == PREVIOUS_ID:
        return (IdentifierKey(USER_ID, key[1]), IdentifierKey(ANONYMOUS_ID, key[1]))
    if key[0] in (USER_ID, ANONYMOUS_ID):
        return (IdentifierKey(PREVIOUS_ID, key[1]),)
    return ()


def _look_up(batch: _Batch, keys: Sequence[IdentifierKey]) -> None:
    """Read the keys that memory does not hold, with their namesakes while there is any previous id at all."""
    memory = batch.memory
    if not memory.has_previous:
        ((memory.has_previous,),) = batch.cursor.execute(statements.ANY_PREVIOUS_ID).fetchall()
        memory.has_previous = memory.has_previous or any(key[0] == PREVIOUS_ID for key in keys)
    asked = list(keys)
    if memory.has_previous:
        asked += {other for key in keys for other in namesakes_of(key) if other not in memory.ids}.difference(keys)
    names = Names()
    rows = batch.cursor.execute(
        statements.LOOKUP,
        {
            "kinds": pg.int4s([names[kind] for kind, _ in asked]),
            "values": pg.texts([value for _, value in asked]),
            "names": names.packed(),
        },
    ).fetchall()
    for place, identifier_id, component, profile, quarantined, seen_us in rows:
        memory.ids[asked[place - 1]] = identifier_id
        memory.standing[identifier_id] = Standing(component, profile, quarantined, seen_us)


def _give_birth(batch: _Batch, evidence: Evidence, places: Sequence[int]) -> None:
    memory, newborn = batch.memory, batch.newborn
    keys, seen = evidence.keys, evidence.seen_us
    ((last,),) = batch.cursor.execute(statements.RESERVE, {"count": len(places)}).fetchall()
    for identifier_id, place in enumerate(places, last - len(places) + 1):
        key, seen_us = keys[place], seen[place]
        memory.ids[key] = identifier_id
        memory.standing[identifier_id] = Standing(identifier_id, identifier_id, False, seen_us)
        newborn[identifier_id] = regroup.Member(
            identifier_id, key[0], key[1], identifier_id, identifier_id, "", seen_us, False
        )
    if memory.has_previous:
        for place in places:
            for namesake in namesakes_of(keys[place]):
                other = memory.ids.get(namesake)
                if other is not None:
                    batch.namesakes.add(_ordered(memory.ids[keys[place]], other))


def _ordered(a: int, b: int) -> graph.Pair:
    return (a, b) if a < b else (b, a)


def _note_earlier_sightings(batch: _Batch, evidence: Evidence) -> None:
    """Known identifiers that this batch saw at an earlier time than was known."""
    standing = batch.memory.standing
    earlier: dict[int, int] = {}
    for identifier_id, seen_us in zip(batch.ids, evidence.seen_us, strict=True):
        stands = standing[identifier_id]
        if seen_us < stands.seen_us:
            earlier[identifier_id] = seen_us
            standing[identifier_id] = msgspec.structs.replace(stands, seen_us=seen_us)
    if earlier:
        batch.cursor.execute(
            statements.SEEN_EARLIER,
            {"ids": pg.int8s(list(earlier)), "seen": pg.timestamps(list(earlier.values()))},
        )


def _fresh_links(batch: _Batch, evidence: Evidence) -> dict[graph.Pair, tuple[int, str]]:
    """The links that may say something new: earliest time and best basis by pair."""
    known, ids, keys = batch.memory.links, batch.ids, evidence.keys
    fresh: dict[graph.Pair, tuple[int, str]] = dict.fromkeys(batch.namesakes, (_ALWAYS_US, graph.SAME_VALUE))
    for place_a, place_b, at_us, basis in evidence.links:
        a, b = ids[place_a], ids[place_b]
        if a == b:
            continue
        pair = (a, b) if a < b else (b, a)
        known_us = known.get(pair)
        if known_us is not None and known_us <= at_us:
            continue
        if basis == graph.ALIAS and keys[place_a].value == keys[place_b].value:
            continue  # an id that is its own previous id says nothing
        at_present = fresh.get(pair)
        if at_present is not None:
            at_us = min(at_us, at_present[0])
            basis = min(basis, at_present[1], key=BASIS_RANK.__getitem__)
        fresh[pair] = (at_us, basis)
    return fresh


def _store_links(batch: _Batch, evidence: Evidence) -> set[int]:
    """Store what is new; answers the identifiers whose components must be recomputed."""
    fresh = _fresh_links(batch, evidence)
    if not fresh:
        return set()
    names = Names()
    rows = batch.cursor.execute(
        statements.UPSERT_LINKS,
        {
            "a": pg.int8s([a for a, _ in fresh]),
            "b": pg.int8s([b for _, b in fresh]),
            "bases": pg.int4s([names[basis] for _, basis in fresh.values()]),
            "names": names.packed(),
            "at": pg.timestamps([at_us for at_us, _ in fresh.values()]),
        },
    ).fetchall()
    known = batch.memory.links
    for pair, (at_us, basis) in fresh.items():
        if basis == "observed":
            known[pair] = at_us
    return {end for a, b, active in rows if active for end in (a, b)}


def _regroup(batch: _Batch, touched: set[int]) -> regroup.Changes:
    """Recompute the components of the touched identifiers; a quarantined one connects nothing, so it is left out."""
    standing, newborn = batch.memory.standing, batch.newborn
    touched = {i for i in touched if not standing[i].quarantined}
    components = {standing[i].component for i in touched if i not in newborn}
    members = regroup.load_members(batch.cursor, components) if components else []
    members += [newborn[i] for i in touched if i in newborn]
    around = regroup.load_around(batch.cursor, [m.id for m in members]) if members else regroup.Around()
    changes = regroup.decide(members, around, batch.policy)
    for alone in newborn.keys() - touched:
        changes.inserted.append(newborn[alone])
        changes.born[alone] = newborn[alone].seen_us
    _remember(standing, changes.inserted, changes.updated)
    return changes


def _remember(standing: dict[int, Standing], *groups: Iterable[regroup.Member]) -> None:
    for members in groups:
        for member in members:
            stands = standing.get(member.id)
            if stands is not None:
                # Mostly one number, which is kept once.
                profile = member.component if member.profile == member.component else member.profile
                standing[member.id] = Standing(
                    member.component, profile, member.quarantine != "", min(stands.seen_us, member.seen_us)
                )


# (identifier, key, source), and (time, tiebreak, value) of what was said.
Slot = tuple[int, str, int]
Told = tuple[int, int, bytes]


def latest_claims(ids: Sequence[int], claims: Iterable[ClaimIn]) -> dict[Slot, Told]:
    """The latest claim by (identifier, key, source); what says nothing is left out."""
    latest: dict[Slot, Told] = {}
    for place, source_id, trait, value, at_us, tiebreak in claims:
        if says_nothing(value) or b"\\u0000" in value:
            continue  # PostgreSQL's jsonb cannot hold U+0000
        slot, claim = (ids[place], trait, source_id), (at_us, tiebreak, value)
        present = latest.get(slot)
        if present is None or claim > present:
            latest[slot] = claim
    return latest


def _store_claims(batch: _Batch, claims: Sequence[ClaimIn]) -> set[int]:
    """Store the claims; answers the profiles whose traits they may change.

    Of identifiers that are new in this batch nothing can have been claimed before: theirs are appended without looking.
    """
    latest = latest_claims(batch.ids, claims)
    fresh = {slot: claim for slot, claim in latest.items() if slot[0] in batch.newborn}
    known = {slot: claim for slot, claim in latest.items() if slot[0] not in batch.newborn} if fresh else latest
    if fresh:
        batch.cursor.execute(statements.APPEND_CLAIMS, claim_columns(fresh))
    standing = batch.memory.standing
    return {standing[slot[0]].profile for slot in fresh} | (_renew_claims(batch, known) if known else set())


def _renew_claims(batch: _Batch, latest: Mapping[Slot, Told]) -> set[int]:
    """Store claims where others may stand; only a later one replaces an earlier one."""
    policy, standing = batch.policy, batch.memory.standing
    special = [key for key, rule in policy.trait_rules.items() if rule.rule != "latest"]
    rows = batch.cursor.execute(
        statements.UPSERT_CLAIMS,
        {
            **claim_columns(latest),
            "profiles": pg.int8s([standing[slot[0]].profile for slot in latest]),
            "every": policy.trait_default.rule != "latest",
            "special": pg.texts(special),
        },
    ).fetchall()
    return {profile for (profile,) in rows}


def _store_consents(batch: _Batch, told: Sequence[ConsentIn]) -> set[int]:
    """Store what people chose; answers the profiles whose traits it may change."""
    standing = batch.memory.standing
    return store_consents(
        batch.cursor, [(batch.ids[one.key_index], one) for one in told], now=batch.now,
        profile_of=lambda identifier_id: standing[identifier_id].profile, newborn=batch.newborn.keys(),
    )  # fmt: skip


def claim_columns(latest: Mapping[Slot, Told]) -> dict[str, Any]:
    """The claims as packed columns."""
    names = Names()
    return {
        "ids": pg.int8s([slot[0] for slot in latest]),
        "keys": pg.int4s([names[slot[1]] for slot in latest]),
        "names": names.packed(),
        "sources": pg.int4s([slot[2] for slot in latest]),
        "values": pg.jsonbs([claim[2] for claim in latest.values()]),
        "at": pg.timestamps([claim[0] for claim in latest.values()]),
        "ties": pg.int8s([claim[1] for claim in latest.values()]),
    }
