"""A trained model: scores, exact reasons, and its stored form. Pure; XGBoost is loaded by models of trees alone.

Stored as JSON with the SHA-256 of its bytes; trees are XGBoost's own UBJSON within. Nothing is unpickled.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from insights.clusters.grouping import Tampered
from insights.predictions.contracts import KINDS
from insights.predictions.encoding import Column, Encoder, Floats


class Scorer(Protocol):
    """What gives a margin (log-odds before calibration) and what each column adds to it."""

    def margin(self, rows: Floats) -> Floats: ...
    def effects(self, rows: Floats) -> Floats:
        """A column for each of `rows`, and a last one that is the same for all: together they are the margin."""
        ...

    def to_json(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear model of scaled columns: what is not known is the median, skewed columns go through a signed log1p."""

    skewed: tuple[bool, ...]
    medians: tuple[float, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float

    def column(self, place: int) -> tuple[bool, float, float, float, float]:
        """How a column is straightened, filled and scaled, and its weight."""
        return (
            self.skewed[place], self.medians[place], self.center[place], self.scale[place], self.weights[place]
        )  # fmt: skip

    def scaled(self, rows: Floats) -> Floats:
        filled = np.where(np.isnan(rows), np.array(self.medians), rows)
        shown = np.where(np.array(self.skewed), np.sign(filled) * np.log1p(np.abs(filled)), filled)
        return np.asarray((shown - np.array(self.center)) / np.array(self.scale), dtype=np.float64)

    def margin(self, rows: Floats) -> Floats:
        return np.asarray(self.scaled(rows) @ np.array(self.weights) + self.intercept, dtype=np.float64)

    def effects(self, rows: Floats) -> Floats:
        # Weight times deviation from the mean: the Shapley values of a linear model (Lundberg and Lee 2017).
        return np.column_stack([self.scaled(rows) * np.array(self.weights), np.full(len(rows), self.intercept)])

    def to_json(self) -> dict[str, Any]:
        return {
            "skewed": list(self.skewed), "medians": list(self.medians), "center": list(self.center),
            "scale": list(self.scale), "weights": list(self.weights), "intercept": self.intercept,
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Linear":
        return cls(
            tuple(told["skewed"]), tuple(told["medians"]), tuple(told["center"]), tuple(told["scale"]),
            tuple(told["weights"]), told["intercept"],
        )  # fmt: skip


class Trees:
    """XGBoost's trees, a forest or boosted."""

    def __init__(self, ubj: bytes) -> None:
        import xgboost

        self._ubj = ubj
        self._booster = xgboost.Booster({"nthread": 1})
        self._booster.load_model(bytearray(ubj))
        # What is loaded brings its own number of threads.
        self._booster.set_param({"nthread": 1})

    def margin(self, rows: Floats) -> Floats:
        found = self._booster.inplace_predict(rows, predict_type="margin")
        return np.asarray(found, dtype=np.float64).reshape(len(rows))

    def effects(self, rows: Floats) -> Floats:
        import xgboost

        found = self._booster.predict(xgboost.DMatrix(rows, nthread=1), pred_contribs=True)
        return np.asarray(found, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        return {"ubj": base64.b64encode(self._ubj).decode()}


@dataclass(frozen=True, slots=True)
class Calibrator:
    """From margins to probabilities: `a` times the margin plus `b` through the logistic function (Platt 1999), and
    then perhaps steps (isotonic regression, Zadrozny and Elkan 2002), straight between them."""

    a: float = 1.0
    b: float = 0.0
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def __call__(self, margins: Floats) -> Floats:
        scores = 1 / (1 + np.exp(-np.clip(self.a * margins + self.b, -500, 500)))
        return np.interp(scores, self.x, self.y) if self.x else scores

    @property
    def name(self) -> str:
        return "isotonic regression" if self.x else "none" if (self.a, self.b) == (1.0, 0.0) else "Platt scaling"

    def to_json(self) -> dict[str, Any]:
        return {"a": self.a, "b": self.b, "x": list(self.x), "y": list(self.y)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Calibrator":
        return cls(told["a"], told["b"], tuple(told["x"]), tuple(told["y"]))


@dataclass(frozen=True, slots=True)
class FittedPrediction:
    """An encoder, a scorer and a calibrator."""

    kind: str
    encoder: Encoder
    scorer: Scorer
    calibrator: Calibrator

    @property
    def features(self) -> tuple[str, ...]:
        return self.encoder.features

    @property
    def words(self) -> str:
        return KINDS[self.kind]

    def rows(self, columns: Mapping[str, Column], size: int) -> Floats:
        """The numbers that the model reads."""
        return self.encoder(columns, size)

    def score(self, rows: Floats) -> Floats:
        """Probabilities."""
        return self.calibrator(self.scorer.margin(rows)) if len(rows) else np.empty(0)

    def effects(self, rows: Floats) -> Floats:
        """What each feature adds to the margin, and the part that is the same for all as the last column."""
        found = self.scorer.effects(rows)
        owners, count = self.encoder.owners, len(self.features)
        summed = np.zeros((len(rows), count + 1))
        for column, owner in enumerate(owners):
            summed[:, owner] += found[:, column]
        summed[:, count] = found[:, -1]
        return summed

    def to_bytes(self) -> tuple[bytes, str]:
        """The model as JSON, and the SHA-256 of that. JSON holds doubles exactly."""
        told = {
            "kind": self.kind, "encoder": self.encoder.to_json(), "scorer": self.scorer.to_json(),
            "calibrator": self.calibrator.to_json(),
        }  # fmt: skip
        body = json.dumps(told, sort_keys=True).encode()
        return body, hashlib.sha256(body).hexdigest()

    @classmethod
    def from_bytes(cls, body: bytes, sha256: str) -> "FittedPrediction":
        """The stored model. Raises Tampered when the bytes are not those that were stored; nothing of them is read."""
        if hashlib.sha256(body).hexdigest() != sha256:
            raise Tampered(
                "The stored model is damaged: its SHA-256 differs. Nothing was scored by it. Roll back to an older"
                " version, or train anew."
            )
        told: Mapping[str, Any] = json.loads(body)
        scorer: Scorer = (
            Linear.from_json(told["scorer"])
            if told["kind"] == "logistic"
            else Trees(base64.b64decode(told["scorer"]["ubj"]))
        )
        return cls(told["kind"], Encoder.from_json(told["encoder"]), scorer, Calibrator.from_json(told["calibrator"]))
