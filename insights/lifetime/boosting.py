"""What customers will be worth, by gradient boosted trees. Pure; XGBoost is loaded where somebody fits.

The value of a window is zero for most and skewed for the others: a Tweedie distribution with a power between 1 and 2 is
just that, a Poisson number of gamma distributed amounts (Jørgensen, "Exponential Dispersion Models", Journal of the
Royal Statistical Society B 49, 1987), and XGBoost has its deviance as an objective (`reg:tweedie`, with a log link, so
reasons multiply). Of a customer it knows what the feature layer knew at a cut-off, and learns the net value of the
window after it.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from insights.clusters.grouping import Tampered
from insights.contracts import NotPossible
from insights.predictions import encoding
from insights.predictions.encoding import Column, Encoder, Floats
from insights.predictions.fitted import Trees
from insights.predictions.training import fold_of

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Customers at the newest cut-off, and rows of whoever came back: of fewer trees learn what is not there.
FEWEST, FEWEST_CAME = 200, 100
# In the middle of what a Tweedie distribution with a mass at zero can be; XGBoost's own default.
_POWER = 1.5
_DEPTHS = (2, 3, 4)
_MOST_ROUNDS, _PATIENCE = 600, 30
_SEED = 42
_PARAMS: Mapping[str, Any] = {
    "objective": "reg:tweedie", "tweedie_variance_power": _POWER, "eval_metric": f"tweedie-nloglik@{_POWER}",
    "tree_method": "hist", "nthread": 1, "seed": _SEED, "eta": 0.05, "subsample": 0.8, "colsample_bytree": 0.6,
    "lambda": 2.0, "min_child_weight": 10, "base_score": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Examples:
    """A row for each customer and cut-off. `starts` and `ends`: when the window of the value begins and ends, in
    microseconds; `value`: what came in it, net. Kept in memory only."""

    people: Ints
    starts: Ints
    ends: Ints
    value: Floats
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.people)

    def take(self, some: Bools) -> "Examples":
        kept = np.flatnonzero(some)
        return Examples(
            self.people[kept], self.starts[kept], self.ends[kept], self.value[kept],
            encoding.taken(self.columns, kept),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """What was found by early stopping. `by`: whether on a later time or on other people."""

    depth: int
    rounds: int
    by: str


@dataclass(frozen=True, slots=True)
class Boosted:
    """A fitted model. `unit`: what 1 is to the trees, so that they are the same in any currency, and their sum is right
    (see `fit`)."""

    encoder: Encoder
    trees: Trees
    unit: float

    @property
    def features(self) -> tuple[str, ...]:
        return self.encoder.features

    def expected(self, columns: Mapping[str, Column], size: int) -> Floats:
        """The value of each customer in the window from then on."""
        if not size:
            return np.empty(0)
        return np.asarray(np.exp(self.trees.margin(self.encoder(columns, size))) * self.unit, dtype=np.float64)

    def effects(self, columns: Mapping[str, Column], size: int) -> Floats:
        """What each feature adds to the logarithm of the value (exact Shapley values), and the part that is the same
        for all as the last column."""
        summed = np.zeros((size, len(self.features) + 1))
        if size:
            found = self.trees.effects(self.encoder(columns, size))
            for column, owner in enumerate(self.encoder.owners):
                summed[:, owner] += found[:, column]
            summed[:, -1] = found[:, -1] + np.log(self.unit)
        return summed

    def to_bytes(self) -> tuple[bytes, str]:
        """The model as JSON, and the SHA-256 of that."""
        told = {"encoder": self.encoder.to_json(), "trees": self.trees.to_json(), "unit": self.unit}
        body = json.dumps(told, sort_keys=True).encode()
        return body, hashlib.sha256(body).hexdigest()

    @classmethod
    def from_bytes(cls, body: bytes, sha256: str) -> "Boosted":
        """The stored model. Raises Tampered when the bytes are not those that were stored; nothing of them is read."""
        if hashlib.sha256(body).hexdigest() != sha256:
            raise Tampered(
                "The stored model of lifetime value is damaged: its SHA-256 differs. Nothing was worked out by it."
                " Compute lifetime values again: that learns a new one."
            )
        told: Mapping[str, Any] = json.loads(body)
        trees = Trees(base64.b64decode(told["trees"]["ubj"]))
        return cls(Encoder.from_json(told["encoder"]), trees, float(told["unit"]))


def enough(parts: Sequence[Examples], *, horizon: int) -> Examples:
    """All of them. Raises NotPossible, saying how much is missing."""
    newest = max(parts, key=lambda one: one.starts[0], default=None)
    people = 0 if newest is None else len(newest)
    came = sum(int((one.value > 0).sum()) for one in parts)
    if people < FEWEST or came < FEWEST_CAME:
        raise NotPossible(
            f"Gradient boosting learns from windows that closed before the last one: {people:,} customers were there"
            f" {2 * horizon} days ago ({FEWEST} are needed), and {came:,} times one of them ordered within the"
            f" {horizon} days after a cut-off ({FEWEST_CAME} are needed)."
        )
    return joined(parts)


def choose(found: Examples, step: Callable[[], None] = lambda: None) -> Recipe:
    """How deep and how long: by the deviance on the newest cut-off, of what is learned from windows that ended before
    it; on a fifth of the people while history is too short for that. `step` is called between fits."""
    newest = found.starts == found.starts.max()
    closed = found.ends <= found.starts.max()
    by = "time"
    if closed.sum() < FEWEST or (found.value[closed] > 0).sum() < FEWEST_CAME / 2:
        by, newest = "people", fold_of(found.people) == 0
        closed = ~newest
    learned, watched = found.take(closed), found.take(newest)
    encoder = _encoder(learned)
    import xgboost

    unit = _unit(learned)
    data = xgboost.DMatrix(encoder(learned.columns, len(learned)), _labels(learned, unit), nthread=1)
    beside = xgboost.DMatrix(encoder(watched.columns, len(watched)), _labels(watched, unit), nthread=1)
    tried = []
    for depth in _DEPTHS:
        step()
        booster = xgboost.train(
            {**_PARAMS, "max_depth": depth}, data, _MOST_ROUNDS, evals=[(beside, "watched")],
            early_stopping_rounds=_PATIENCE, verbose_eval=False,
        )  # fmt: skip
        tried.append((float(booster.best_score), depth, int(booster.best_iteration) + 1))
    _, depth, rounds = min(tried)
    return Recipe(depth, rounds, by)


def fit(found: Examples, recipe: Recipe) -> Boosted:
    """The model of these examples, at the level of the newest window. With a log link the deviance weighs great values
    less, so the sum of what is expected is not that of what came; a factor restores it (the balance of Denuit,
    Charpentier and Trufin, "Autocalibration and Tweedie-dominance for Insurance Pricing with Machine Learning",
    2021)."""
    import xgboost

    encoder, unit = _encoder(found), _unit(found)
    rows, labels = encoder(found.columns, len(found)), _labels(found, unit)
    booster = xgboost.train(
        {**_PARAMS, "max_depth": recipe.depth}, xgboost.DMatrix(rows, labels, nthread=1), recipe.rounds
    )
    # Through its stored form: what is measured is what will be loaded.
    trees = Trees(bytes(booster.save_raw("ubj")))
    newest = found.starts == found.starts.max()
    came, meant = float(labels[newest].sum()), float(np.exp(trees.margin(rows[newest])).sum())
    return Boosted(encoder, trees, unit * (came / meant if came > 0 else 1.0))


def joined(parts: Sequence[Examples]) -> Examples:
    """All of them, of one at least."""
    return Examples(
        np.concatenate([one.people for one in parts]), np.concatenate([one.starts for one in parts]),
        np.concatenate([one.ends for one in parts]), np.concatenate([one.value for one in parts]),
        {name: join_columns([one.columns[name] for one in parts]) for name in parts[0].columns},
    )  # fmt: skip


def join_columns(parts: Sequence[Any]) -> Column:
    """Columns under each other."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)
    return [value for part in parts for value in part]


def _encoder(found: Examples) -> Encoder:
    encoder = encoding.learn(found.columns, found.people)
    if not encoder.features:
        raise NotPossible("No feature tells customers apart: each is the same for everybody.")
    return encoder


def _unit(found: Examples) -> float:
    mean = float(_labels(found, 1.0).mean())
    return mean if mean > 0 else 1.0


def _labels(found: Examples, unit: float) -> Floats:
    # A Tweedie distribution has nothing below zero; who is judged is judged on what came, net.
    return np.asarray(np.maximum(found.value, 0) / unit, dtype=np.float64)
