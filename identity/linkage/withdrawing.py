"""Links that linkage made earlier and that the present data of a changed profile no longer support.

Such a link is withdrawn, and the profile is what its other links make of it: a merge by linkage holds only as long as
the evidence does. A link between the two thresholds stays, so that nobody is joined and parted by turns; what a steward
has asserted is no matched link and stays in any case.
"""

import json
from collections import defaultdict
from collections.abc import Collection
from typing import Any

import psycopg

from common import pg
from identity.graph import MATCHED, DisjointSets, Pair
from identity.linkage import engine, records, statements
from identity.linkage.fields import Record, record_of
from identity.linkage.model import Model, log_odds
from identity.reconcile import Claim, traits_json
from identity.services.policies import load_policy
from identity.services.profiles import load_claims


def find_unsupported(cursor: psycopg.Cursor[Any], profile_ids: Collection[int], *, model: Model) -> list[Pair]:
    """The matched links inside these profiles whose two sides would not even be asked about today."""
    rows = cursor.execute(statements.LINKS_OF_MATCHED, {"ids": pg.int8s(sorted(profile_ids))}).fetchall()
    if not rows:
        return []
    sides = _sides([(a, b, origin) for _, a, b, origin in rows])
    matched = {(a, b): _ordered(sides.find(a), sides.find(b)) for _, a, b, origin in rows if origin == MATCHED}
    held = _records_of_sides(cursor, {row[0] for row in rows}, sides)
    known = {link: ends for link, ends in matched.items() if ends[0] != ends[1] and ends[0] in held and ends[1] in held}
    if not known:
        return []
    counts, base = records.load_counts(cursor, held.values())
    scored = engine.score(held, list(known.values()), counts, base=base, model=model)
    below = log_odds(model.review_above)
    return [link for row, link in enumerate(known) if scored.weights[row] < below]


def _ordered(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


def _sides(links: Collection[tuple[int, int, int]]) -> DisjointSets:
    """What holds together without the matched links."""
    sides = DisjointSets({end for a, b, _ in links for end in (a, b)})
    for a, b, origin in links:
        root_a, root_b = sides.find(a), sides.find(b)
        if origin != MATCHED and root_a != root_b:
            sides.join(root_a, root_b)
    return sides


def _records_of_sides(
    cursor: psycopg.Cursor[Any], profile_ids: Collection[int], sides: DisjointSets
) -> dict[int, Record]:
    """The record each side would have if it stood alone, by the side's representative."""
    policy = load_policy(cursor)[1]
    by_side: dict[int, list[Claim]] = defaultdict(list)
    for claims in load_claims(cursor, profile_ids).values():
        for claim in claims:
            try:
                by_side[sides.find(claim.identifier_id)].append(claim)
            except KeyError:
                continue  # an identifier without any link: it is not on either side of one
    return {side: record_of(json.loads(traits_json(claims, policy))) for side, claims in by_side.items()}
