"""Which scored pairs become links, which go to a steward, which are nothing. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from identity.graph import DisjointSets, Pair
from identity.linkage import clustering
from identity.linkage.clustering import Graph
from identity.linkage.clustering import Ids as Ints
from identity.linkage.levels import LEVELS, MISSING, STANDARD, Levels
from identity.linkage.model import Floats, Model, Scored, log_odds

# Above this a cluster is not linked but shown to a steward: something common is taken for evidence.
LARGEST_CLUSTER = 50
# Two groups that hang together by one pair less sure than this are not joined unasked.
SURE_BRIDGE = 0.9
# A fact that contributes at least so much against strangers counts as agreement, or singles somebody out (nats).
_AGREES, _SINGLES = 1.4, 2.8
_NAMES = [STANDARD.index(name) for name in ("given", "surname")]
_SINGLING = [n for n, name in enumerate(STANDARD) if name not in ("given", "middle", "surname", "sex", "location")]

_BIRTH_DATE = STANDARD.index("birth_date")
_SAME_YEAR = LEVELS["birth_date"].index("the same year")


class Verdict(NamedTuple):
    """One pair and its place in the scores."""

    pair: Pair
    row: int


@dataclass(frozen=True, slots=True)
class Decisions:
    """What to do with the pairs; what is in neither list is nothing."""

    links: list[Verdict]
    reviews: list[Verdict]


def decide(pairs: Ints, scored: Scored, *, banned: Collection[Pair], model: Model) -> Decisions:
    """Link the pairs above the upper threshold that one cluster holds; send the doubtful ones to review.

    `pairs` are ids, smaller first (n x 2). `banned` ones are never proposed again and never come into one cluster by
    way of others. Pairs without a name, and under a model that has not been trained here pairs that nothing singles
    out, are asked about and not linked.
    """
    weights, banned, pairs = scored.weights, set(banned), np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    asked = np.flatnonzero(weights >= log_odds(model.review_above))
    ends = {row: (a, b) for row, (a, b) in zip(asked.tolist(), pairs[asked].tolist(), strict=True)}
    allowed = np.zeros(len(pairs), dtype=bool)
    allowed[[row for row, pair in ends.items() if pair not in banned]] = True
    sure = allowed & named(scored.levels) & (weights >= log_odds(model.link_above))
    if not model.trained:
        sure &= enough(scored)
    # What may not be linked by itself may still hold others together, but not above the threshold.
    capped = np.where(sure, weights, np.minimum(weights, log_odds(model.link_above) - 1e-9))
    found = clustering.cluster(
        Graph(pairs[:, 0], pairs[:, 1], capped, model.conflicts(scored.levels)),
        cut=log_odds(model.link_above) - 1e-12,
        banned=banned,
    )
    strong = [Verdict(ends[row], row) for row in np.flatnonzero(sure).tolist() if _together(found, ends[row])]
    links = _without_giants(_without_weak_bridges(strong, weights), found)
    taken = {verdict.pair for verdict in links}
    open_ = (Verdict(pair, row) for row, pair in ends.items() if allowed[row] and pair not in taken)
    return Decisions(links, list(open_))


def _together(found: Mapping[int, int], pair: Pair) -> bool:
    return pair[0] in found and found.get(pair[0]) == found.get(pair[1])


def named(levels: Levels) -> npt.NDArray[np.bool_]:
    """Whether a name was compared at all."""
    return np.asarray((levels[:, _NAMES] != MISSING).any(axis=1))


def enough(scored: Scored) -> npt.NDArray[np.bool_]:
    """Whether a pair may be linked by a model that knows nothing of this base: something that singles out agrees.

    Names alone never suffice, however rare: two people bear one name in every large base. Nor does the place they
    live at besides them, for there namesakes are kin, and only a birth date tells father from son. A birth date, a
    telephone, a mailbox or an official number does.
    """
    weights = scored.against_strangers.copy()
    # A year is shared by one in sixty.
    weights[scored.levels[:, _BIRTH_DATE] == _SAME_YEAR, _BIRTH_DATE] = 0.0
    singled = (weights[:, _SINGLING] >= _SINGLES).any(axis=1)
    return np.asarray(singled & ((weights >= _AGREES).sum(axis=1) >= 2))


def _without_weak_bridges(strong: list[Verdict], weights: Floats) -> list[Verdict]:
    """Leave out a pair that alone holds two groups of two or more together and is not sure itself."""
    unsure = [verdict for verdict in strong if weights[verdict.row] < log_odds(SURE_BRIDGE)]
    if not unsure:
        return strong
    left = [verdict for verdict in strong if weights[verdict.row] >= log_odds(SURE_BRIDGE)]
    sets, size = _joined([verdict.pair for verdict in left], {end for v in strong for end in v.pair})
    between: dict[Pair, list[Verdict]] = defaultdict(list)
    for verdict in unsure:
        x, y = sorted(map(sets.find, verdict.pair))
        between[x, y].append(verdict)
    weak = {
        verdicts[0].pair
        for (x, y), verdicts in between.items()
        if x != y and len(verdicts) == 1 and size[x] > 1 and size[y] > 1
    }
    return [verdict for verdict in strong if verdict.pair not in weak]


def _joined(pairs: Collection[Pair], ids: Collection[int]) -> tuple[DisjointSets, dict[int, int]]:
    sets = DisjointSets(ids)
    for a, b in pairs:
        root_a, root_b = sets.find(a), sets.find(b)
        if root_a != root_b:
            sets.join(root_a, root_b)
    size: dict[int, int] = defaultdict(int)
    for one in ids:
        size[sets.find(one)] += 1
    return sets, size


def _without_giants(links: list[Verdict], found: Mapping[int, int]) -> list[Verdict]:
    size: dict[int, int] = defaultdict(int)
    for cluster in found.values():
        size[cluster] += 1
    return [verdict for verdict in links if size[found[verdict.pair[0]]] <= LARGEST_CLUSTER]


def missing_cross_pairs(strong: Collection[Pair], known: Ints) -> set[Pair]:
    """The pairs inside tentative clusters that blocking did not bring; compared, they may speak against it."""
    sets, size = _joined(strong, {end for pair in strong for end in pair})
    members: dict[int, list[int]] = defaultdict(list)
    for record in sorted({end for pair in strong for end in pair}):
        members[sets.find(record)].append(record)
    large = {root for root in members if 2 < size[root] <= LARGEST_CLUSTER}
    if not large:
        return set()
    inside = np.array([one for root in large for one in members[root]], dtype=np.int64)
    known = known[np.isin(known, inside).all(axis=1)]
    scored = {(a, b) for a, b in known.tolist()}
    return {
        (a, b)
        for root in large
        for place, a in enumerate(members[root])
        for b in members[root][place + 1 :]
        if (a, b) not in scored
    }
