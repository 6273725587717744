"""The whole base for a bulk run: its pieces out of PostgreSQL, what is settled, and what differs from the clusters."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg
import pyarrow as pa

from common import pg
from identity.graph import DisjointSets, Pair
from identity.linkage import columns, statements
from identity.linkage.fields import Record, record_of
from identity.linkage.pieces import pieces_of

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What would have to change for the live links to give the clusters: links between pieces, as identifier pairs."""

    added: list[Pair]
    removed: list[Pair]
    changed: int


class Live(NamedTuple):
    """A live matched link, and the two pieces it holds together."""

    link: Pair
    pieces: Pair


def read_pieces(conn: psycopg.Connection[Any]) -> Iterator[pa.RecordBatch]:
    """Every piece that says anything about a person, under its name, a chunk at a time: memory stays bounded."""
    after = 0
    while True:
        rows = conn.execute(statements.PROFILES_AFTER, {"after": after, "limit": _CHUNK}).fetchall()
        if not rows:
            return
        after = rows[-1][0]
        cursor = psycopg.Cursor(conn)
        found = pieces_of(cursor, [row[0] for row in rows if row[2]])
        whole = {row[0]: json.loads(row[1]) for row in rows if not row[2]}
        held = _records(cursor, whole) | found.records
        known = {piece: record for piece, record in sorted(held.items()) if _says_something(record)}
        if known:
            yield columns.batch(list(known), 0, list(known.values()))


def _records(cursor: psycopg.Cursor[Any], traits: Mapping[int, dict[str, Any]]) -> dict[int, Record]:
    contacts: dict[int, dict[str, list[str]]] = {one: {"email": [], "phone": []} for one in traits}
    for profile_id, kind, value in cursor.execute(statements.CONTACTS, {"ids": pg.int8s(sorted(traits))}):
        contacts[profile_id][kind].append(value)
    return {
        one: record_of(held, emails=contacts[one]["email"], phones=contacts[one]["phone"])
        for one, held in traits.items()
    }


def _says_something(record: Record) -> bool:
    return any(getattr(record, name) for name in ("given", "surname", "birth_date", "emails", "phones", "numbers"))


def live_links(conn: psycopg.Connection[Any]) -> list[Live]:
    """All matched links that hold now, with their pieces."""
    found: list[Live] = []
    after = 0
    while True:
        rows = conn.execute(statements.MATCHED_PROFILES_AFTER, {"after": after, "limit": _CHUNK}).fetchall()
        if not rows:
            return sorted(found)
        after = rows[-1][0]
        pieces = pieces_of(psycopg.Cursor(conn), [row[0] for row in rows])
        found += [Live(link, ends) for link, ends in pieces.matched.items()]


def settled_pairs(conn: psycopg.Connection[Any], live: Collection[Live]) -> set[Pair]:
    """Pairs of pieces that somebody has decided are not, or may not be, one person."""
    rows = conn.execute(statements.ALL_SETTLED).fetchall()
    ends = {end for a, b, _, _ in rows for end in (a, b)}
    pieces = pieces_of(psycopg.Cursor(conn), {profile for row in rows for profile in row[2:]})
    name = {end: pieces.piece_of.get(end) for end in ends}
    settled = set()
    for a, b, profile_a, profile_b in rows:
        x, y = name[a] or profile_a, name[b] or profile_b
        if x != y:
            settled.add((min(x, y), max(x, y)))
    return settled


def compare_with_live(
    clusters: Mapping[int, int], strong: Sequence[Pair], live: Sequence[Live], weak: Collection[Pair]
) -> Difference:
    """What to link and what to withdraw so that the live links give these clusters.

    `strong` are the pairs of pieces above the threshold, best first; of those only as many are added as join what is
    not joined yet. `weak` are the pieces of live links that today's evidence does not carry; a live link between two
    clusters that it does carry stays, or linkage would make it again.
    """
    weak = set(weak)
    removed = [one for one in live if _cluster(clusters, one.pieces[0]) != _cluster(clusters, one.pieces[1])]
    removed = [one for one in removed if one.pieces in weak]
    gone = {one.link for one in removed}
    kept = [one for one in live if one.link not in gone]
    sets = DisjointSets({*clusters, *(end for one in live for end in one.pieces)})
    for one in kept:
        _join(sets, one.pieces)
    added = [pair for pair in strong if _together(clusters, pair) and _join(sets, pair)]
    touched = {_cluster(clusters, end) for pair in added for end in pair}
    touched |= {_cluster(clusters, end) for one in removed for end in one.pieces}
    return Difference(sorted(added), sorted(gone), len(touched))


def _cluster(clusters: Mapping[int, int], piece: int) -> int:
    return clusters.get(piece, piece)


def _together(clusters: Mapping[int, int], pair: Pair) -> bool:
    return pair[0] in clusters and clusters[pair[0]] == clusters.get(pair[1])


def _join(sets: DisjointSets, pair: Pair) -> bool:
    a, b = sets.find(pair[0]), sets.find(pair[1])
    if a == b:
        return False
    sets.join(a, b)
    return True
