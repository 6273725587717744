"""Clusters from scored pairs: average linkage that listens to negative evidence. Pure.

The odds of a pair are clipped on both sides: absence of evidence is not a conflict, and ten weak ties are not proof.
Two with unlike birth dates are a conflict: a third record without one, which may be the father or his son of one name,
does not make them one person. A pair that was never scored counts a little against. (Components against other
clusterings: Hassanzadeh et al. 2009.)
"""

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from identity.linkage.levels import Floats

Ids = npt.NDArray[np.int64]
# Nats, for and against.
MOST_FOR, MOST_AGAINST, UNSCORED, CONFLICT = 6.0, -2.0, -1.0, -12.0
Pair = tuple[int, int]


class Graph(NamedTuple):
    """Scored pairs: both ends, smaller id first, the weight in nats, and whether the two contradict each other."""

    left: Ids
    right: Ids
    weight: Floats
    conflict: npt.NDArray[np.bool_] | None = None


def components(left: Ids, right: Ids) -> tuple[Ids, Ids]:
    """All ids that occur, sorted, and for each the number of its connected component."""
    ids, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    a, b = places[: len(left)], places[len(left) :]
    matrix = coo_matrix((np.ones(len(a), dtype=np.int8), (a, b)), shape=(len(ids), len(ids)))
    return ids, connected_components(matrix, directed=False)[1].astype(np.int64)


def cluster(graph: Graph, *, cut: float, banned: Collection[Pair] = ()) -> dict[int, int]:
    """The cluster of each id that is not alone, named by its smallest id.

    The two clusters with the highest average weight are joined first, as long as it is above `cut` and no pair across
    them is `banned`.
    """
    strong = graph.weight > cut
    if not strong.any():
        return {}
    ids, component = components(graph.left[strong], graph.right[strong])
    found: dict[int, int] = {}
    for edges in _by_component(graph, ids, component):
        for members in _average_linkage(edges, cut=cut, banned=banned):
            found.update(dict.fromkeys(members, members[0]))
    return found


def _by_component(graph: Graph, ids: Ids, component: Ids) -> Iterator[list[tuple[int, int, float]]]:
    """The scored pairs inside each component."""
    if not len(ids):
        return
    places = np.searchsorted(ids, graph.left), np.searchsorted(ids, graph.right)
    known = [
        (p < len(ids)) & (ids[np.minimum(p, len(ids) - 1)] == side) for p, side in zip(places, graph[:2], strict=True)
    ]
    rows = np.flatnonzero(known[0] & known[1])
    of_left, of_right = component[places[0][rows]], component[places[1][rows]]
    rows, owner = rows[of_left == of_right], of_left[of_left == of_right]
    order = np.argsort(owner, kind="stable")
    rows, owner = rows[order], owner[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    weights = np.clip(graph.weight, MOST_AGAINST, MOST_FOR)
    if graph.conflict is not None:
        weights[graph.conflict & (graph.weight < MOST_AGAINST)] = CONFLICT
    left, right, weight = graph.left[rows].tolist(), graph.right[rows].tolist(), weights[rows].tolist()
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(rows)], strict=True):
        yield list(zip(left[begin:end], right[begin:end], weight[begin:end], strict=True))


class _Tie(NamedTuple):
    total: float
    pairs: int


def _average_linkage(
    edges: list[tuple[int, int, float]], *, cut: float, banned: Collection[Pair]
) -> Iterable[list[int]]:
    if len(edges) == 1:
        a, b, _ = edges[0]
        return [] if (a, b) in banned else [[a, b]]
    groups = {end: [end] for a, b, _ in edges for end in (a, b)}
    ties = _ties(edges, [pair for pair in banned if pair[0] in groups and pair[1] in groups])

    def average(a: int, b: int) -> float:
        tie, every = ties[a][b], len(groups[a]) * len(groups[b])
        return (tie.total + UNSCORED * (every - tie.pairs)) / every

    heap = [(-average(a, b), a, b) for a in ties for b in ties[a] if a < b]
    heapq.heapify(heap)
    while heap and -heap[0][0] > cut:
        negative, a, b = heapq.heappop(heap)
        # What has been joined since was pushed again with its new average.
        if b not in ties[a] or average(a, b) != -negative:
            continue
        _join(groups, ties, a, b)
        for other in ties[a]:
            x, y = (a, other) if a < other else (other, a)
            heapq.heappush(heap, (-average(x, y), x, y))
    return [sorted(members) for members in groups.values() if len(members) > 1]


def _ties(edges: Collection[tuple[int, int, float]], banned: Collection[Pair]) -> dict[int, dict[int, _Tie]]:
    ties: dict[int, dict[int, _Tie]] = defaultdict(dict)
    for a, b, weight in edges:
        ties[a][b] = ties[b][a] = _Tie(weight, 1)
    for a, b in banned:
        ties[a][b] = ties[b][a] = _Tie(-np.inf, 1)
    return ties


def _join(groups: dict[int, list[int]], ties: Mapping[int, dict[int, _Tie]], a: int, b: int) -> None:
    groups[a] += groups.pop(b)
    for other, tie in ties[b].items():
        if other == a:
            continue
        held = ties[a].get(other, _Tie(0.0, 0))
        ties[a][other] = ties[other][a] = _Tie(held.total + tie.total, held.pairs + tie.pairs)
        ties[other].pop(b, None)
    ties[a].pop(b, None)
    ties[b].clear()
