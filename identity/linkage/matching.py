"""One to one: two sources without duplicates inside them, so a record has one partner at most. Pure.

The posterior of a pair takes its rivals into account: odds / (1 - pi + the rivals' odds + odds), where pi is the share
of records that have a partner, estimated from the posteriors themselves (McVeigh and Murray 2017, arXiv 1710.10558).
Then the most probable pairs are taken first, and each record once.
"""

import numpy as np
import numpy.typing as npt

from identity.linkage.clustering import Graph, Ids
from identity.linkage.levels import Floats

_MOST_MATCHED = 0.98
_ROUNDS = 20
_HIGHEST = 40.0  # nats; beyond it a pair is as good as certain and sums stay exact


def posteriors(graph: Graph, *, smaller_source: int) -> Floats:
    """The probability that two records are partners, given what else each could be paired with."""
    odds = np.exp(np.minimum(graph.weight, _HIGHEST))
    lefts, left = np.unique(graph.left, return_inverse=True)
    rights, right = np.unique(graph.right, return_inverse=True)
    of_left = np.bincount(left, weights=odds, minlength=len(lefts))
    of_right = np.bincount(right, weights=odds, minlength=len(rights))
    rivals = np.maximum(of_left[left] - odds, 0.0) + np.maximum(of_right[right] - odds, 0.0)
    chances = odds / (1.0 + odds)
    for _ in range(_ROUNDS):
        matched = min(float(chances.sum()) / max(smaller_source, 1), _MOST_MATCHED)
        fresh = odds / (1.0 - matched + rivals + odds)
        if np.abs(fresh - chances).max(initial=0.0) < 1e-6:
            break
        chances = fresh
    return np.asarray(chances)


def pair_off(left: Ids, right: Ids, chances: Floats, *, threshold: float) -> dict[int, int]:
    """Partners by descending probability, each record once; both ends named by the smaller id."""
    rows: npt.NDArray[np.int64] = np.lexsort((right, left, -chances))
    taken: dict[int, int] = {}
    for row in rows[chances[rows] >= threshold].tolist():
        a, b = int(left[row]), int(right[row])
        if a not in taken and b not in taken:
            taken[a] = taken[b] = min(a, b)
    return taken
