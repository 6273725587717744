"""Pieces: what a profile falls into without the links that linkage made.

Linkage compares pieces, not profiles, wherever it judges its own earlier work: a link must not be evidence for itself.
A piece is named by its smallest identifier, so it keeps its name from run to run.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import psycopg

from common import pg
from identity.graph import MATCHED, DisjointSets, Pair
from identity.linkage import statements
from identity.linkage.fields import Record, record_of
from identity.reconcile import Claim, traits_json
from identity.services.policies import load_policy
from identity.services.profiles import load_claims


@dataclass(slots=True)
class Pieces:
    """The pieces of some profiles: the piece of each identifier, the record each would have by itself, and the
    matched links between pieces."""

    piece_of: dict[int, int] = field(default_factory=dict)
    records: dict[int, Record] = field(default_factory=dict)
    matched: dict[Pair, Pair] = field(default_factory=dict)


def pieces_of(cursor: psycopg.Cursor[Any], profile_ids: Collection[int]) -> Pieces:
    """The pieces of those of these profiles that some matched link holds together."""
    rows = cursor.execute(statements.LINKS_OF_MATCHED, {"ids": pg.int8s(sorted(profile_ids))}).fetchall()
    if not rows:
        return Pieces()
    piece_of = _without_matched([(a, b, origin) for _, a, b, origin in rows])
    matched = {(a, b): _ordered(piece_of[a], piece_of[b]) for _, a, b, origin in rows if origin == MATCHED}
    matched = {link: ends for link, ends in matched.items() if ends[0] != ends[1]}
    return Pieces(piece_of, _records(cursor, {row[0] for row in rows}, piece_of), matched)


def _ordered(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


def _without_matched(links: Collection[tuple[int, int, int]]) -> dict[int, int]:
    """The smallest identifier of what holds together without the matched links, by identifier."""
    sets = DisjointSets({end for a, b, _ in links for end in (a, b)})
    for a, b, origin in links:
        root_a, root_b = sets.find(a), sets.find(b)
        if origin != MATCHED and root_a != root_b:
            sets.join(root_a, root_b)
    smallest: dict[int, int] = {}
    for one in sorted({end for a, b, _ in links for end in (a, b)}):
        smallest.setdefault(sets.find(one), one)
    return {one: smallest[sets.find(one)] for a, b, _ in links for one in (a, b)}


def _records(cursor: psycopg.Cursor[Any], profile_ids: Collection[int], piece_of: dict[int, int]) -> dict[int, Record]:
    policy = load_policy(cursor)[1]
    claims: dict[int, list[Claim]] = defaultdict(list)
    for held in load_claims(cursor, profile_ids).values():
        for claim in held:
            if claim.identifier_id in piece_of:
                claims[piece_of[claim.identifier_id]].append(claim)
    contacts: dict[int, dict[str, list[str]]] = defaultdict(lambda: {"email": [], "phone": []})
    for identifier, kind, value in cursor.execute(statements.CONTACTS_BY_ID, {"ids": pg.int8s(sorted(piece_of))}):
        contacts[piece_of[identifier]][kind].append(value)
    return {
        piece: record_of(
            json.loads(traits_json(claims.get(piece, ()), policy)),
            emails=contacts[piece]["email"],
            phones=contacts[piece]["phone"],
        )
        for piece in set(piece_of.values())
    }
