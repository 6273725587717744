"""What a model expects of itself, in figures that a page can draw. Pure."""

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from identity.linkage.clustering import Graph, components
from identity.linkage.levels import Floats
from identity.linkage.model import probability
from identity.linkage.thresholds import Expectation

_BINS = 20
_GRID = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99)


class Interval(NamedTuple):
    """A share with its 95 % interval."""

    share: float
    low: float
    high: float


def wilson(hits: int, of: int) -> Interval:
    """The score interval of a share (Wilson 1927): honest for few decisions and for shares near one."""
    if of == 0:
        return Interval(0.0, 0.0, 1.0)
    z, share = 1.959964, hits / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    half = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of)) / (1 + z * z / of)
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def of_scores(graph: Graph, expected: Expectation, self_weights: Floats) -> dict[str, Any]:
    """Histogram of probabilities, what each threshold would do, and how many records can be linked at all."""
    chances = probability(graph.weight)
    counts, edges = np.histogram(chances, bins=_BINS, range=(0.0, 1.0))
    bins = [[round(float(a), 4), round(float(b), 4), int(n)] for a, b, n in zip(edges, edges[1:], counts, strict=False)]
    reachable = probability(self_weights)
    return {
        "expected": {
            name: float(getattr(expected, name)) for name in ("matches", "threshold", "precision", "recall", "f1")
        },
        "histogram": bins,
        "curve": [_at(graph, chances, threshold) for threshold in _GRID],
        "unlinkable": [[t, round(float((reachable < t).mean()), 5)] for t in _GRID] if len(reachable) else [],
    }


def _at(graph: Graph, chances: Floats, threshold: float) -> list[float]:
    above = chances >= threshold
    pairs, right = int(above.sum()), float(chances[above].sum())
    joined = 0
    if pairs:
        ids, component = components(graph.left[above], graph.right[above])
        joined = len(ids) - len(np.unique(component))
    every = float(chances.sum())
    return [
        threshold,
        pairs,
        joined,
        round(right / pairs, 5) if pairs else 1.0,
        round(right / every, 5) if every else 0.0,
    ]


def graded(decisions: Sequence[tuple[float, bool]], threshold: float) -> dict[str, Any]:
    """Precision and recall of a model on the pairs that stewards have decided: (its probability, whether a match).

    Stewards are asked what is in doubt, so both are lower than over all pairs.
    """
    above = [match for chance, match in decisions if chance >= threshold]
    matches = [chance >= threshold for chance, match in decisions if match]
    precision, recall = wilson(sum(above), len(above)), wilson(sum(matches), len(matches))
    return {
        "pairs": len(decisions),
        "precision": precision.share, "precision_low": precision.low, "precision_high": precision.high,
        "recall": recall.share, "recall_low": recall.low, "recall_high": recall.high,
    }  # fmt: skip
