"""Which scored pairs become links, which go to a steward, which are nothing. Pure."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from identity.graph import DisjointSets, Pair
from identity.linkage.comparing import COMPARISONS, MISSING, Levels
from identity.linkage.model import Floats, Model, Scored, bits

# In a cluster no single pair may count more than this, for or against, and a pair that was never compared counts a
# little against: absence of evidence is not a conflict, and ten weak ties are not proof.
_MOST_FOR, _MOST_AGAINST, _UNSCORED = 9.0, -3.0, -1.4
# A pair that speaks so loudly against it never shares a cluster, whatever the others say.
VETO = -8.0
# Above this a tentative cluster is not linked but shown to a steward: something common is taken for evidence.
LARGEST_CLUSTER = 50
# A fact that contributes at least so much counts as agreement.
_AGREES = 2.0

_NAME_COLUMNS = [COMPARISONS.index(name) for name in ("given", "surname")]
_SINGLING_COLUMNS = [n for n, name in enumerate(COMPARISONS) if name not in ("given", "surname", "sex", "location")]


class Verdict(NamedTuple):
    """One pair and its place in the scores."""

    pair: Pair
    row: int


@dataclass(frozen=True, slots=True)
class Decisions:
    """What to do with the pairs; what is in neither list is nothing."""

    links: list[Verdict]
    reviews: list[Verdict]


def decide(pairs: Sequence[Pair], scored: Scored, *, banned: Collection[Pair], model: Model) -> Decisions:
    """Link the pairs above the upper threshold that one cluster holds; send the doubtful ones to review.

    `banned` pairs are never proposed again and never come into one cluster by way of others.
    """
    weights = {pair: float(weight) for pair, weight in zip(pairs, scored.weights, strict=True)}
    sure = enough(scored.levels, scored.against_strangers)
    link_bits, review_bits = bits(model.link_above), bits(model.review_above)
    banned = set(banned)
    strong = [
        Verdict(pair, row)
        for row, pair in enumerate(pairs)
        if weights[pair] >= link_bits and sure[row] and pair not in banned
    ]
    cluster = clusters([verdict.pair for verdict in strong], weights, banned)
    links = [v for v in strong if cluster[v.pair[0]] == cluster[v.pair[1]]]
    taken = {verdict.pair for verdict in links}
    reviews = [
        Verdict(pair, row)
        for row, pair in enumerate(pairs)
        if weights[pair] >= review_bits and pair not in taken and pair not in banned
    ]
    return Decisions(links, reviews)


def enough(levels: Levels, against_strangers: Floats) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether a pair may be linked without being asked: names are compared, and something that singles out agrees.

    Names alone never suffice, however rare: two people bear one name in every large base. Nor does the place they
    live at besides them, for there namesakes are kin, and only a birth date tells father from son. A birth date, a
    telephone, a mailbox or an official number does.
    """
    named = (levels[:, _NAME_COLUMNS] != MISSING).any(axis=1)
    agrees = against_strangers >= _AGREES
    return np.asarray(named & agrees[:, _SINGLING_COLUMNS].any(axis=1) & (agrees.sum(axis=1) >= 2))


def clusters(strong: Collection[Pair], weights: Mapping[Pair, float], banned: Collection[Pair]) -> dict[int, int]:
    """The cluster of each record in `strong`, by average linkage that listens to negative evidence.

    Merges the two clusters with the highest average weight first, as long as it stays above even odds and no pair
    across them is banned or vetoes.
    """
    sets = DisjointSets(end for pair in strong for end in pair)
    for a, b in strong:
        root_a, root_b = sets.find(a), sets.find(b)
        if root_a != root_b:
            sets.join(root_a, root_b)
    members: dict[int, list[int]] = defaultdict(list)
    for record in {end for pair in strong for end in pair}:
        members[sets.find(record)].append(record)
    cluster: dict[int, int] = {}
    for component in members.values():
        for group in _average_linkage(sorted(component), _across(weights, set(banned))):
            cluster.update(dict.fromkeys(group, group[0]))
    return cluster


def _across(weights: Mapping[Pair, float], banned: Collection[Pair]) -> Callable[[int, int], float]:
    """The clipped weight of a pair; minus infinity for one that may not be."""

    def clipped(a: int, b: int) -> float:
        pair = (a, b) if a < b else (b, a)
        weight = weights.get(pair)
        if pair in banned or (weight is not None and weight <= VETO):
            return -np.inf
        return _UNSCORED if weight is None else min(max(weight, _MOST_AGAINST), _MOST_FOR)

    return clipped


def _average_linkage(component: list[int], across: Callable[[int, int], float]) -> list[list[int]]:
    if len(component) > LARGEST_CLUSTER:
        return [[record] for record in component]
    groups = {record: [record] for record in component}
    while len(groups) > 1:
        best = max(
            (
                (sum(across(a, b) for a in groups[x] for b in groups[y]) / (len(groups[x]) * len(groups[y])), -x, -y)
                for x in groups
                for y in groups
                if x < y
            ),
        )
        average, x, y = best[0], -best[1], -best[2]
        if average <= 0:
            break
        groups[x] = sorted(groups[x] + groups.pop(y))
    return list(groups.values())


def missing_cross_pairs(strong: Collection[Pair], known: Collection[Pair]) -> set[Pair]:
    """The pairs inside tentative clusters that blocking did not bring: they may veto, so they are compared too."""
    sets = DisjointSets(end for pair in strong for end in pair)
    for a, b in strong:
        root_a, root_b = sets.find(a), sets.find(b)
        if root_a != root_b:
            sets.join(root_a, root_b)
    members: dict[int, list[int]] = defaultdict(list)
    for record in sorted({end for pair in strong for end in pair}):
        members[sets.find(record)].append(record)
    known = set(known)
    return {
        (a, b)
        for component in members.values()
        if 2 < len(component) <= LARGEST_CLUSTER
        for place, a in enumerate(component)
        for b in component[place + 1 :]
        if (a, b) not in known
    }
