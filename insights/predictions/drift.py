"""Whether people are still like those a model was learned of. Pure; numpy only. Alarms go by effect size, not by
significance: with many people every difference is significant.

A reference holds shares and cut points, never a person: points are rounded, and what is stored as a value of its own
is that of at least a twentieth of all.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.predictions.encoding import LEAST_PEOPLE

Column = Sequence[Any] | npt.NDArray[Any]
# Below this many people the index is mostly noise (.169 by chance at 100, .056 at 300; ten bins).
LEAST = 300
_PSI = 0.1
_KS = 0.1
_CALIBRATION = 0.05
_SPIKE = 0.05
_BINS = 10
_MOST_VALUES = 30
_FLOOR = 1e-4
_LONGER = 1.1


def reference(column: Column) -> dict[str, Any]:
    """What `compare` holds later columns against."""
    if not isinstance(column, np.ndarray):
        held = Counter(column)
        common = sorted(
            value for value, count in held.most_common(_MOST_VALUES) if value is not None and count >= LEAST_PEOPLE
        )
        told: dict[str, Any] = {"kind": "text", "values": common}
    else:
        known = column[~np.isnan(column)]
        values, counts = np.unique(known, return_counts=True)
        spikes = values[counts >= max(_SPIKE * len(column), LEAST_PEOPLE)]
        rest = known[~np.isin(known, spikes)]
        told = {"kind": "number", "values": spikes.tolist(), "edges": _points(rest, _BINS), "grid": _points(known, 25)}
        told["cdf"] = _cdf(known, told["grid"]).tolist()
    return {**told, "people": len(column), "shares": _shares(told, column).tolist()}


def score_reference(scores: npt.NDArray[np.float64]) -> dict[str, Any]:
    """The same of probabilities, in bins that are a hundredth apart at least: trees give few different scores, and less
    than that changes nothing for anybody."""
    edges, grid = (sorted({round(one, 2) for one in _points(scores, parts)}) for parts in (_BINS, 25))
    told = {"kind": "number", "values": [], "edges": edges, "grid": grid, "cdf": _cdf(scores, grid).tolist()}
    return {**told, "people": len(scores), "shares": _shares(told, scores).tolist()}


def compare(told: Mapping[str, Any], column: Column) -> dict[str, Any]:
    """The population stability index and, of numbers, the greatest difference of the distribution functions (Kolmogorov
    and Smirnov), with the verdict. A value that a twentieth or more had is a bin of its own: bins by quantile are blind
    to spikes."""
    before, now = np.array(told["shares"]), _shares(told, column)
    a, b = np.maximum(before, _FLOOR), np.maximum(now, _FLOOR)
    psi = float(((b - a) * np.log(b / a)).sum())
    ks = None
    if told["kind"] == "number":
        known = np.asarray(column, dtype=np.float64)
        known = known[~np.isnan(known)]
        ks = float(np.abs(_cdf(known, told["grid"]) - np.array(told["cdf"])).max()) if len(known) else 0.0
    people = len(column)
    noise = 1 / max(people, 1) + 1 / max(told["people"], 1)
    judged = people >= LEAST and told["people"] >= LEAST
    far = psi > _PSI + _chi_square_95(len(before) - 1) * noise
    apart = ks is not None and ks > _KS + 1.36 * math.sqrt(noise)
    return {"psi": psi, "ks": ks, "people": people, "judged": judged, "alarm": judged and (far or apart)}


def compare_aged(told: Mapping[str, Any], column: Column, days: float) -> dict[str, Any]:
    """`compare` for what grows by a day each day: those who were there then, as many days younger. Whoever came since,
    and whoever has no value, is no change of these."""
    shares, then = list(told["shares"][:-1]), sum(told["shares"][:-1])
    known = np.asarray(column, dtype=np.float64)
    younger = known[~np.isnan(known)] - days
    before = {**told, "shares": [*(one / (then or 1) for one in shares), 0.0], "people": round(then * told["people"])}
    return compare(before, younger[younger >= 0])


def sees_longer(window_days: int | None, *, then: float, now: float) -> bool:
    """Whether a feature over so many days (None: all time) looks back a tenth farther now than it could then, when
    there were only so many days of history: in a young base counts and sums rise by themselves."""
    window = math.inf if window_days is None else window_days
    return min(window, now) > _LONGER * min(window, then)


def calibration(mean_score: float, rate: float, people: int) -> dict[str, Any]:
    """Whether what was foretold came true on the whole."""
    away = mean_score - rate
    return {"mean_score": mean_score, "rate": rate, "alarm": people >= LEAST and abs(away) > _CALIBRATION}


def _shares(told: Mapping[str, Any], column: Column) -> npt.NDArray[np.float64]:
    """The share of each bin: values of their own, then those between edges (or any other text), then not known."""
    values = told["values"]
    if told["kind"] == "text":
        places = {value: place for place, value in enumerate(values)}
        bins = np.array(
            [len(values) + 1 if one is None else places.get(one, len(values)) for one in column], dtype=np.int64
        )
        count = len(values) + 2
    else:
        numbers = np.asarray(column, dtype=np.float64)
        count = len(values) + len(told["edges"]) + 2
        bins = len(values) + np.searchsorted(np.array(told["edges"]), numbers, side="left")
        for place, spike in enumerate(values):
            bins[numbers == spike] = place
        bins[np.isnan(numbers)] = count - 1
    return np.bincount(bins, minlength=count) / max(len(column), 1)


def _points(values: npt.NDArray[np.float64], parts: int) -> list[float]:
    """Inner quantiles, rounded to three digits, so that none is somebody's very value."""
    if len(values) < LEAST_PEOPLE:
        return []
    found = np.quantile(values, np.linspace(0, 1, parts + 1)[1:-1])
    return sorted({float(f"{one:.3g}") for one in found})


def _cdf(values: npt.NDArray[np.float64], points: Sequence[float]) -> npt.NDArray[np.float64]:
    if not len(values) or not len(points):
        return np.zeros(max(len(points), 1))
    return np.searchsorted(np.sort(values), np.array(points), side="right") / len(values)


def _chi_square_95(freedom: int) -> float:
    """The 95th percentile (Wilson and Hilferty 1931): without drift, PSI is about this times 1/n + 1/m at most."""
    part = 2 / (9 * max(freedom, 1))
    return float(max(freedom, 1) * (1 - part + 1.645 * math.sqrt(part)) ** 3)
