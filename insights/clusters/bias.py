"""What separates groups: by which features, and by which sensitive traits. Pure.

Effect sizes, not tests: with many people everything is significant. Eta squared is the share of a number's variance
that lies between groups; Cramér's V (Mathematical Methods of Statistics, 1946) goes from 0, the same mix in every
group, to 1. Words are those of Cohen (Statistical Power Analysis, 1988): eta squared .01, .06, .14; V .1, .3, .5
divided by the root of the smaller number of rows or columns less one.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from insights.clusters.grouping import Ints
from insights.clusters.scaling import Floats

_WORDS = ("none worth a word", "small", "medium", "large")
_ETA = (0.01, 0.06, 0.14)
_V = (0.1, 0.3, 0.5)
# Values of fewer people are told together: figures are kept, and lead to nobody.
_FEWEST = 10
_MOST_VALUES = 8
OTHERS = "(others)"


def report(
    rows: Floats, groups: Ints, ids: Sequence[str], features: Sequence[str],
    sensitive: Mapping[str, Sequence[str | None]],
) -> dict[str, Any]:  # fmt: skip
    """Effect sizes of the features and of sensitive traits, the greatest first, in the form that is kept."""
    told = [
        {"feature": name, "eta_squared": eta, "word": word(eta, _ETA)}
        for name, column in zip(features, rows.T, strict=True)
        for eta in [eta_squared(column, groups)]
    ]
    traits = [{"trait": name, **of_trait(values, groups, ids)} for name, values in sensitive.items()]
    return {
        "features": sorted(told, key=lambda one: (-float(one["eta_squared"]), str(one["feature"]))),
        "traits": sorted(traits, key=lambda one: (-float(one["cramers_v"]), str(one["trait"]))),
    }


def eta_squared(column: Floats, groups: Ints) -> float:
    """The share of the variance of what is known that lies between groups; 0 where nothing varies."""
    known = ~np.isnan(column)
    values, of = column[known], groups[known]
    if not len(values):
        return 0.0
    total = float(((values - values.mean()) ** 2).sum())
    between = sum(
        float((of == one).sum()) * float(values[of == one].mean() - values.mean()) ** 2 for one in np.unique(of)
    )
    return min(between / total, 1.0) if total > 1e-12 else 0.0


def of_trait(values: Sequence[str | None], groups: Ints, ids: Sequence[str]) -> dict[str, Any]:
    """Cramér's V between a trait and the groups, and which share of each group has each value. Whoever is in no group
    or has no value is left out."""
    told = np.array([one or "" for one in values], dtype=object)
    known = (told != "") & (groups >= 0)
    named = _named(told[known])
    labels = np.array([one if one in named else OTHERS for one in told[known].tolist()], dtype=object)
    kinds = [*named, *([OTHERS] if (labels == OTHERS).any() else [])]
    counts = np.array(
        [[((labels == kind) & (groups[known] == place)).sum() for place in range(len(ids))] for kind in kinds],
        dtype=np.float64,
    ).reshape(len(kinds), len(ids))
    v, degree = cramers_v(counts)
    sizes, total = counts.sum(axis=0), max(counts.sum(), 1)
    shares = [
        {
            "value": kind, "overall": float(counts[row].sum() / total),
            "by_group": {one: float(counts[row, place] / sizes[place]) if sizes[place] else None
                         for place, one in enumerate(ids)},
        }
        for row, kind in enumerate(kinds)
    ]  # fmt: skip
    limits = tuple(one / degree**0.5 for one in _V)
    return {"cramers_v": v, "word": word(v, limits), "known": float(known.mean()) if len(known) else 0.0,
            "values": shares}  # fmt: skip


def cramers_v(counts: Floats) -> tuple[float, int]:
    """V of a table of counts, and the smaller number of rows or columns less one (at least 1)."""
    table = counts[counts.sum(axis=1) > 0][:, counts.sum(axis=0) > 0] if counts.size else counts
    total = table.sum()
    degree = min(table.shape) - 1 if table.size else 0
    if degree < 1:
        return 0.0, 1
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    return float(np.sqrt(((table - expected) ** 2 / expected).sum() / total / degree)), degree


def word(size: float, limits: Sequence[float]) -> str:
    """A word for an effect size."""
    return _WORDS[sum(size >= one for one in limits)]


def _named(values: Any) -> list[str]:
    counts = Counter(values.tolist())
    found = [name for name, count in counts.items() if count >= _FEWEST]
    return sorted(found, key=lambda one: (-counts[one], one))[:_MOST_VALUES]
