"""Two ways to expect what customers are worth, held against what came, and which of them is used. Pure; numpy only."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from insights.lifetime.contracts import BGNBD, BOOSTING, LIFETIME_METHODS, Comparison, Measured
from insights.predictions.metrics import ranks

Floats = npt.NDArray[np.float64]

_SEED, _ROUNDS = 42, 1_000
# Means of so many groups of people vary as those of people do, and take no longer for a million of them.
_GROUPS = 2_000
# No less is expected of anybody than this share of the mean.
_LEAST = 1e-3
# Of many customers each trifle is beyond chance; for less than this share nobody has to explain trees.
_LEAST_GAIN = 0.01
# A sum that is farther off by more than this share of what came is no better, however near single customers are.
_SLACK = 0.05


def measured(method: str, expected: Floats, value: Floats) -> Measured:
    """Of everybody what was expected, beside what came."""
    came, meant = float(value.sum()), float(expected.sum())
    errors = expected - value
    flat = _flat(value)
    return Measured(
        method, meant, meant / came - 1 if came else 0.0, float(np.abs(errors).mean()),
        float((errors**2).mean() ** 0.5), 1 - float(deviances(expected, value).mean()) / flat if flat else 0.0,
        rank_correlation(expected, value), gini(expected, value),
    )  # fmt: skip


def deviances(expected: Floats, value: Floats) -> Floats:
    """How far what was expected of each is from what came: Poisson's deviance. Like squared errors, and unlike those
    without a sign, it is least on average for who expects the mean (Gneiting, "Making and Evaluating Point Forecasts",
    2011); unlike squared errors it is not ruled by the few who spend most."""
    # Of nobody so little is expected that one order outweighs all others.
    meant = np.maximum(expected, _LEAST * max(float(value.mean()), 1e-9))
    there = np.maximum(value, 0)
    ratio = np.log(np.where(there > 0, there, meant) / meant)
    return np.asarray(2 * (there * ratio - (there - meant)), dtype=np.float64)


def _flat(value: Floats) -> float:
    """The deviance of who expects the same of everybody."""
    return float(deviances(np.full(len(value), max(float(value.mean()), 1e-9)), value).mean()) if len(value) else 0.0


def rank_correlation(expected: Floats, value: Floats) -> float:
    """Spearman's: of ranks, equal values sharing theirs."""
    a, b = ranks(expected), ranks(value)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def gini(expected: Floats, value: Floats) -> float:
    """How much of the value is found when customers are taken by what was expected of them: 1 as much as when they are
    taken by what came, 0 as much as by chance. The covariance form (Lerman and Yitzhaki 1984), so equal expectations
    are in no order."""
    most = float(np.cov(value, ranks(value))[0, 1]) if len(value) > 1 else 0.0
    return float(np.cov(value, ranks(expected))[0, 1]) / most if most > 0 else 0.0


def compare(expected: Mapping[str, Floats], value: Floats, *, plain: Floats, windows: int, rows: int) -> Comparison:
    """Both methods on the same customers. `plain`: BG/NBD + Gamma-Gamma before calibration; `windows` and `rows`: what
    boosting learned from."""
    graph, trees = expected[BGNBD], expected[BOOSTING]
    methods = [measured(BGNBD, graph, value), measured(BOOSTING, trees, value), measured("uncalibrated", plain, value)]
    gain = (deviances(graph, value) - deviances(trees, value)) / (_flat(value) or 1.0)
    return Comparison(
        len(value), float(value.sum()), windows, rows, methods, float(gain.mean()), *_interval(gain),
        *_interval((trees - value) ** 2 - (graph - value) ** 2),
    )  # fmt: skip


def better(found: Comparison) -> tuple[str, str]:
    """The method to use, and why: BG/NBD unless boosting explains more beyond chance, by a point or more, and neither
    its squared errors nor its sum are worse."""
    graph, trees = (next(one for one in found.methods if one.method == name) for name in (BGNBD, BOOSTING))
    name = LIFETIME_METHODS[BGNBD]
    if found.low <= 0 or found.gain < _LEAST_GAIN:
        less = "less well" if found.high < 0 else "no better beyond chance"
        less = "hardly better" if found.low > 0 else less
        return BGNBD, (
            f"On the last closed window gradient boosting explained what sets customers apart {less}, so {name} is"
            " used."
        )
    if found.squared_low > 0:
        return BGNBD, (
            "On the last closed window gradient boosting explained more of what sets customers apart, and was farther"
            f" off with those who spent much, so {name} is used."
        )
    if abs(trees.total_error) > abs(graph.total_error) + _SLACK:
        return BGNBD, (
            "On the last closed window gradient boosting explained more of what sets customers apart, and its sum was"
            f" farther off ({trees.total_error:+.0%} instead of {graph.total_error:+.0%}), so {name} is used."
        )
    return BOOSTING, (
        f"On the last closed window gradient boosting explained {trees.explained:.0%} of what sets customers apart and"
        f" {name} {graph.explained:.0%}, which is more than chance does, so boosting is used."
    )


def _interval(differences: Floats) -> tuple[float, float]:
    """In which the mean lies with 95 % by a paired bootstrap (Efron 1979)."""
    rng = np.random.default_rng(_SEED)
    size = len(differences)
    count = min(size, _GROUPS)
    groups = np.array([part.mean() for part in np.array_split(differences[rng.permutation(size)], count)])
    means = np.array([groups[rng.integers(0, count, count)].mean() for _ in range(_ROUNDS)])
    low, high = np.percentile(means, [2.5, 97.5]).tolist()
    return low, high
