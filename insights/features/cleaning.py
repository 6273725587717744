"""Cleaning features before something is learned of them: what is out of range, too far out, or not known. Pure; numpy.

`fit` learns from training rows alone; `Cleaner.apply` does the same to those and to all that come later. What was
learned is plain JSON. Of each feature, in this order: values outside `least` and `most` are anomalies, flagged and
taken for unknown; what lies too far out is brought to the nearest limit (`outliers`); what is not known is filled
(`impute`); and the whole is scaled.

Neighbours are those of scikit-learn's KNNImputer: the mean of the nearest training rows that know the feature, by the
distance over what both rows know, scaled up by the share of it (Dixon, "Pattern Recognition with Partly Missing Data",
IEEE Transactions on Systems, Man and Cybernetics 9, 1979). Here distances are taken in standard deviations, so that no
unit outweighs another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Marks = npt.NDArray[np.bool_]

IMPUTATIONS = {
    "leave": "leave it unknown", "constant": "a constant", "median": "the median", "mode": "the most frequent value",
    "group": "the median of the group", "knn": "the mean of the nearest people",
}  # fmt: skip
OUTLIERS = {
    "none": "leave them", "winsor": "to the 1st and the 99th percentile",
    "iqr": "to 1.5 interquartile ranges beyond the quartiles (Tukey)",
}  # fmt: skip
SCALES = {
    "none": "as they are", "zscore": "by standard deviation", "minmax": "from 0 to 1", "log": "logarithm of 1 + x",
    "log_zscore": "logarithm, then by standard deviation",
}  # fmt: skip
_WINSOR, _TUKEY = (0.01, 0.99), 1.5
_NEIGHBOURS = 10
# More training rows than these make neighbours no better and every later row slower.
_REMEMBERED = 2_000
_AT_ONCE = 1_000


class BadCleaning(ValueError):
    """A way of cleaning that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class CleaningRule:
    """How one feature is cleaned. `constant` is what `impute="constant"` fills with."""

    impute: str = "median"
    constant: float = 0.0
    outliers: str = "none"
    scale: str = "none"
    least: float | None = None
    most: float | None = None

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "CleaningRule":
        """Raises BadCleaning."""
        if unknown := sorted(set(told) - {one.name for one in fields(cls)}):
            raise BadCleaning(f"{unknown[0]}: there is no such field.")
        found = cls(**told)
        for name, known in (("impute", IMPUTATIONS), ("outliers", OUTLIERS), ("scale", SCALES)):
            if getattr(found, name) not in known:
                raise BadCleaning(f"{name}: choose one of {', '.join(known)}.")
        if found.least is not None and found.most is not None and found.least > found.most:
            raise BadCleaning("least: not above the most.")
        return found


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Rows that were cleaned; which of their values were filled in, and which were out of range."""

    rows: Floats
    imputed: Marks
    anomalies: Marks

    def shares(self, features: Sequence[str]) -> dict[str, dict[str, float]]:
        """By feature, the shares of what was filled in and of what was out of range."""
        count = max(len(self.rows), 1)
        return {
            name: {
                "imputed": float(self.imputed[:, place].sum()) / count,
                "anomalies": float(self.anomalies[:, place].sum()) / count,
            }
            for place, name in enumerate(features)
        }


@dataclass(frozen=True, slots=True)
class Cleaner:
    """What was learned. `groups` holds the medians of each group; `known` the training rows that neighbours are looked
    for among, in standard deviations, with null for what they do not know."""

    features: tuple[str, ...]
    rules: tuple[CleaningRule, ...]
    limits: tuple[tuple[float | None, float | None], ...]
    fill: tuple[float, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    spread: tuple[tuple[float, float], ...]
    groups: Mapping[str, tuple[float | None, ...]]
    known: tuple[tuple[float | None, ...], ...]

    def apply(self, rows: Floats, groups: Sequence[str | None] | None = None) -> Cleaned:
        """Clean these rows (NaN for what is not known). `groups`: of each row, for features filled by group; a group
        that was not among the training rows has the median of all."""
        found, anomalies = _ranged(rows, self.rules)
        found = _capped(found, self.limits)
        unknown = np.isnan(found)
        found = self._filled(found, groups)
        imputed = unknown & ~np.isnan(found)
        return Cleaned(_scaled(found, self.rules, self.center, self.scale), imputed, anomalies)

    def _filled(self, rows: Floats, groups: Sequence[str | None] | None) -> Floats:
        found = rows.copy()
        near = _neighbours(rows, self) if any(rule.impute == "knn" for rule in self.rules) else None
        for place, rule in enumerate(self.rules):
            missing = np.isnan(rows[:, place])
            if not missing.any() or rule.impute == "leave":
                continue
            found[missing, place] = self.fill[place]
            if rule.impute == "group" and groups is not None:
                told = np.array(
                    [_of_group(self.groups, groups[row], place) for row in np.flatnonzero(missing).tolist()]
                )
                found[missing, place] = np.where(np.isnan(told), self.fill[place], told)
            if rule.impute == "knn" and near is not None:
                told = near[missing, place]
                found[missing, place] = np.where(np.isnan(told), self.fill[place], told)
        return found

    def to_json(self) -> dict[str, Any]:
        """The stored form; JSON holds doubles exactly."""
        return {**asdict(self), "rules": [asdict(rule) for rule in self.rules]}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Cleaner":
        """The stored cleaner."""
        return cls(
            tuple(told["features"]), tuple(CleaningRule.from_json(one) for one in told["rules"]),
            tuple((low, high) for low, high in told["limits"]), tuple(told["fill"]), tuple(told["center"]),
            tuple(told["scale"]), tuple((mean, sd) for mean, sd in told["spread"]),
            {name: tuple(one) for name, one in told["groups"].items()}, tuple(tuple(one) for one in told["known"]),
        )  # fmt: skip


def fit(
    rows: Floats, *, features: Sequence[str], rules: Mapping[str, CleaningRule] | None = None,
    groups: Sequence[str | None] | None = None, seed: int = 42,
) -> Cleaner:  # fmt: skip
    """Learn from training rows (NaN for what is not known). A feature without a rule is filled with its median. Raises
    BadCleaning."""
    chosen = tuple((rules or {}).get(name, CleaningRule()) for name in features)
    if groups is None and any(rule.impute == "group" for rule in chosen):
        raise BadCleaning("groups: name the group of each row to fill by group.")
    ranged, _ = _ranged(rows, chosen)
    limits = tuple(_limits(column, rule.outliers) for column, rule in zip(ranged.T, chosen, strict=True))
    capped = _capped(ranged, limits)
    fill = tuple(_fill(column, rule) for column, rule in zip(capped.T, chosen, strict=True))
    spread = tuple(_spread(column) for column in capped.T)
    wants_near = any(rule.impute == "knn" for rule in chosen)
    cleaner = Cleaner(
        tuple(features), chosen, limits, fill, (0.0,) * len(chosen), (1.0,) * len(chosen), spread,
        _medians_by_group(capped, groups) if groups is not None else {},
        _remembered(capped, spread, seed) if wants_near else (),
    )  # fmt: skip
    filled = cleaner._filled(capped, groups)
    scales = [_scale(_logged(column, rule), rule.scale) for column, rule in zip(filled.T, chosen, strict=True)]
    told = {**{one.name: getattr(cleaner, one.name) for one in fields(Cleaner)}}
    return Cleaner(**{**told, "center": tuple(one[0] for one in scales), "scale": tuple(one[1] for one in scales)})


def _ranged(rows: Floats, rules: Sequence[CleaningRule]) -> tuple[Floats, Marks]:
    least = np.array([-np.inf if rule.least is None else rule.least for rule in rules])
    most = np.array([np.inf if rule.most is None else rule.most for rule in rules])
    finite = np.where(np.isinf(rows), np.nan, rows)
    anomalies = np.isinf(rows) | (finite < least) | (finite > most)
    return np.where(anomalies, np.nan, rows), anomalies


def _limits(column: Floats, how: str) -> tuple[float | None, float | None]:
    known = column[~np.isnan(column)]
    if how == "none" or not len(known):
        return None, None
    if how == "winsor":
        low, high = np.quantile(known, _WINSOR)
        return float(low), float(high)
    first, third = np.quantile(known, (0.25, 0.75))
    return float(first - _TUKEY * (third - first)), float(third + _TUKEY * (third - first))


def _capped(rows: Floats, limits: Sequence[tuple[float | None, float | None]]) -> Floats:
    low = np.array([-np.inf if one is None else one for one, _ in limits])
    high = np.array([np.inf if one is None else one for _, one in limits])
    return np.clip(rows, low, high)


def _fill(column: Floats, rule: CleaningRule) -> float:
    known = column[~np.isnan(column)]
    if rule.impute == "constant":
        return float(rule.constant)
    if not len(known):
        return 0.0
    if rule.impute == "mode":
        values, counts = np.unique(known, return_counts=True)
        return float(values[counts.argmax()])
    return float(np.median(known))


def _spread(column: Floats) -> tuple[float, float]:
    known = column[~np.isnan(column)]
    sd = float(known.std()) if len(known) else 0.0
    return (float(known.mean()) if len(known) else 0.0), sd if sd > 1e-12 else 1.0


def _medians_by_group(rows: Floats, groups: Sequence[str | None]) -> dict[str, tuple[float | None, ...]]:
    told = np.array([one or "" for one in groups], dtype=object)
    found = {}
    for name in sorted({one for one in groups if one}):
        inside = rows[told == name]
        known = [column[~np.isnan(column)] for column in inside.T]
        found[name] = tuple(float(np.median(one)) if len(one) else None for one in known)
    return found


def _of_group(groups: Mapping[str, tuple[float | None, ...]], name: str | None, place: int) -> float:
    value = groups[name][place] if name is not None and name in groups else None
    return np.nan if value is None else value


def _remembered(
    rows: Floats, spread: Sequence[tuple[float, float]], seed: int
) -> tuple[tuple[float | None, ...], ...]:  # fmt: skip
    some = rows[~np.isnan(rows).all(axis=1)]
    if len(some) > _REMEMBERED:
        some = some[np.sort(np.random.default_rng(seed).choice(len(some), _REMEMBERED, replace=False))]
    told = _standard(some, spread)
    return tuple(tuple(None if value != value else float(value) for value in row) for row in told)


def _standard(rows: Floats, spread: Sequence[tuple[float, float]]) -> Floats:
    mean, sd = np.array([one for one, _ in spread]), np.array([one for _, one in spread])
    return np.asarray((rows - mean) / sd, dtype=np.float64)


def _neighbours(rows: Floats, cleaner: Cleaner) -> Floats:
    """The mean of the nearest rows that know it, for each value that is not known; NaN where nobody does."""
    known = np.array(cleaner.known, dtype=np.float64).reshape(-1, len(cleaner.features))
    found = np.full(rows.shape, np.nan)
    wanting = np.flatnonzero(np.isnan(rows).any(axis=1))
    mean, sd = np.array([one for one, _ in cleaner.spread]), np.array([one for _, one in cleaner.spread])
    for start in range(0, len(wanting) if len(known) else 0, _AT_ONCE):
        some = wanting[start : start + _AT_ONCE]
        away = _distances(_standard(rows[some], cleaner.spread), known)
        for place in range(rows.shape[1]):
            missing = np.flatnonzero(np.isnan(rows[some, place]))
            tellers = np.flatnonzero(~np.isnan(known[:, place]))
            if len(missing) and len(tellers):
                told = _mean_of_nearest(away[np.ix_(missing, tellers)], known[tellers, place])
                found[some[missing], place] = told * sd[place] + mean[place]
    return found


def _distances(rows: Floats, known: Floats) -> Floats:
    """Squared distances over what both know, scaled up to all features; infinite where they know nothing in common."""
    here, there = ~np.isnan(rows), ~np.isnan(known)
    a, b = np.where(here, rows, 0.0), np.where(there, known, 0.0)
    common = here.astype(np.float64) @ there.T.astype(np.float64)
    squares = (a**2) @ there.T + here @ (b**2).T - 2 * a @ b.T
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.maximum(squares, 0) * rows.shape[1] / common
    return np.where(common > 0, scaled, np.inf)


def _mean_of_nearest(away: Floats, values: Floats) -> Floats:
    count = min(_NEIGHBOURS, away.shape[1])
    nearest = np.argsort(away, axis=1, kind="stable")[:, :count]
    reach = np.take_along_axis(away, nearest, axis=1)
    told = np.where(np.isfinite(reach), values[nearest], np.nan)
    counts = np.isfinite(reach).sum(axis=1)
    sums = np.where(np.isfinite(reach), told, 0.0).sum(axis=1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _logged(column: Floats, rule: CleaningRule) -> Floats:
    return np.log1p(np.maximum(column, 0)) if rule.scale.startswith("log") else column


def _scale(column: Floats, how: str) -> tuple[float, float]:
    known = column[~np.isnan(column)]
    if how in ("none", "log") or not len(known):
        return 0.0, 1.0
    center, spread = (known.min(), np.ptp(known)) if how == "minmax" else (known.mean(), known.std())
    return float(center), float(spread) if spread > 1e-12 else 1.0


def _scaled(rows: Floats, rules: Sequence[CleaningRule], center: Sequence[float], scale: Sequence[float]) -> Floats:
    logged = np.column_stack([_logged(rows[:, place], rule) for place, rule in enumerate(rules)]) if rules else rows
    return np.asarray((logged - np.array(center)) / np.array(scale), dtype=np.float64)
