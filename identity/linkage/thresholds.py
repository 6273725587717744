"""Thresholds from the base itself. Pure."""

from typing import NamedTuple

import numpy as np

from identity.linkage.levels import Floats

# Below this nothing is merged, whatever the expectation says.
LEAST_THRESHOLD = 0.25
# Of the expected matches this share must come from pairs that are nearly certain: a heap of doubtful pairs, each of a
# little probability, is what a base without duplicates looks like.
_CERTAIN, _LEAST_CERTAIN = 0.95, 0.30
# Where fewer matches than this share of the records are expected, nearly nobody is there twice. What one person looks
# like in such a base is then hardly learned from it, and namesakes outnumber the matches: only what is as sure as this
# is linked.
_FEW, THRESHOLD_FOR_FEW = 0.005, 0.98


class Expectation(NamedTuple):
    """What a model expects of its own decisions: estimates, with recall only of what can be found."""

    matches: float
    threshold: float
    precision: float
    recall: float
    f1: float
    supported: bool


def expect(probabilities: Floats, *, records: int = 0) -> Expectation:
    """The threshold of the highest expected F1, higher where nearly none of the `records` match; what to expect at it.

    Expected F1 of taking the k most probable pairs is 2 sum_k / (k + total); its maximum F* is reached at threshold
    F*/2 (Lipton, Elkan, Narayanaswamy 2014).
    """
    ordered = np.sort(probabilities)[::-1]
    total = float(ordered.sum())
    if total < 1e-9:
        return Expectation(total, LEAST_THRESHOLD, 1.0, 0.0, 0.0, supported=False)
    taken = np.cumsum(ordered)
    count = np.arange(1, len(ordered) + 1)
    best = float((2 * taken / (count + total)).max())
    threshold = max(best / 2, LEAST_THRESHOLD, THRESHOLD_FOR_FEW if total < _FEW * records else 0.0)
    certain = float(ordered[ordered >= _CERTAIN].sum())
    return at(ordered, threshold)._replace(supported=certain >= _LEAST_CERTAIN * total)


def at(probabilities: Floats, threshold: float) -> Expectation:
    """What to expect at a threshold that is given."""
    above, total = probabilities[probabilities >= threshold], float(probabilities.sum())
    found = float(above.sum())
    precision = found / len(above) if len(above) else 1.0
    recall = found / total if total else 0.0
    return Expectation(total, threshold, precision, recall, 2 * found / max(len(above) + total, 1e-9), supported=True)
