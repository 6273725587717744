"""Candidates: logistic regression, random forest and boosted trees, each with a small grid. Scikit-learn
and XGBoost are loaded where somebody fits: the other processes do without their 150 MB.

On tabular data the grid matters more than the name (measured on Telco churn: a regularised linear model is within .006
of any booster's AUC, and the defaults of forests and boosters lose to it). Classes are not weighted: weights ruin
probabilities (a calibration error of .143 instead of .017 there).
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from insights.predictions.encoding import Floats
from insights.predictions.fitted import Linear, Scorer, Trees

_MOST_ROUNDS = 600
_PATIENCE = 30
_TREES = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """One point of the grid. `rounds`: how many rounds to boost, None while that is to be found by early stopping."""

    kind: str
    settings: tuple[tuple[str, float], ...]
    rounds: int | None = None

    @property
    def words(self) -> str:
        told = ", ".join(f"{name} {value:g}" for name, value in self.settings)
        return f"{told}, {self.rounds} rounds" if self.rounds else told


def candidates(kinds: Collection[str]) -> Iterator[Candidate]:
    """The grid of these kinds, simplest first."""
    return (one for one in _grid() if one.kind in kinds)


def _grid() -> Iterator[Candidate]:
    for strength in (0.01, 0.1, 1.0):
        yield Candidate("logistic", (("C", strength),))
    for depth in (6, 10):
        yield Candidate("forest", (("depth", depth),))
    for depth in (2, 3, 5):
        yield Candidate("boosting", (("depth", depth), ("learning rate", 0.05)))


def fit(
    candidate: Candidate, rows: Floats, truth: Floats, *, seed: int, watched: tuple[Floats, Floats] | None = None
) -> tuple[Scorer, int]:
    """The fitted scorer and the rounds it took. `watched`: rows and truth by which boosting stops early."""
    told = dict(candidate.settings)
    if candidate.kind == "logistic":
        return _linear(rows, truth, told["C"]), 1
    import xgboost

    params: dict[str, Any] = {
        "objective": "binary:logistic", "tree_method": "hist", "nthread": 1, "seed": seed,
        "max_depth": int(told["depth"]), "base_score": float(np.clip(truth.mean(), 0.001, 0.999)),
    }  # fmt: skip
    data = xgboost.DMatrix(rows, truth, nthread=1)
    if candidate.kind == "forest":
        params |= {
            "eta": 1.0, "subsample": 0.632, "colsample_bynode": 0.4, "num_parallel_tree": _TREES, "lambda": 1.0,
            "min_child_weight": 3,
        }  # fmt: skip
        return _stored(xgboost.train(params, data, 1)), 1
    params |= {
        "eta": told["learning rate"], "subsample": 0.8, "colsample_bytree": 0.6, "lambda": 2.0, "min_child_weight": 5,
    }  # fmt: skip
    if candidate.rounds or watched is None:
        rounds = candidate.rounds or 200
        return _stored(xgboost.train(params, data, rounds)), rounds
    booster = xgboost.train(
        params, data, _MOST_ROUNDS, evals=[(xgboost.DMatrix(*watched, nthread=1), "watched")],
        early_stopping_rounds=_PATIENCE, verbose_eval=False,
    )  # fmt: skip
    rounds = booster.best_iteration + 1
    return _stored(booster[:rounds]), rounds


def _stored(booster: Any) -> Trees:
    """Through its stored form: what is measured is what will be loaded."""
    return Trees(bytes(booster.save_raw("ubj")))


def _linear(rows: Floats, truth: Floats, strength: float) -> Linear:
    from sklearn.linear_model import LogisticRegression

    flat = scaling(rows)
    model = LogisticRegression(C=strength, max_iter=1000).fit(flat.scaled(rows), truth)
    return replace(flat, weights=_tuple(model.coef_[0]), intercept=float(model.intercept_[0]))


def scaling(rows: Floats) -> Linear:
    """A linear model of these columns that has learned nothing: how each is filled, straightened and scaled."""
    known = ~np.isnan(rows)
    medians = np.array(
        [np.median(column[there]) if there.any() else 0.0 for column, there in zip(rows.T, known.T, strict=True)]
    )
    filled = np.where(known, rows, medians)
    deviation = filled.std(axis=0)
    moved = (filled - filled.mean(axis=0)) / np.where(deviation > 1e-12, deviation, 1.0)
    skewed = np.abs((moved**3).mean(axis=0)) > 2.0
    skewed &= ~np.isin(filled, (0.0, 1.0)).all(axis=0)
    shown = np.where(skewed, np.sign(filled) * np.log1p(np.abs(filled)), filled)
    scale = shown.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    center = shown.mean(axis=0)
    flags = tuple(bool(one) for one in skewed)
    return Linear(flags, _tuple(medians), _tuple(center), _tuple(scale), (0.0,) * rows.shape[1], 0.0)


def _tuple(values: Any) -> tuple[float, ...]:
    return tuple(float(one) for one in values)
