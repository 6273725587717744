"""The Fellegi-Sunter model: from comparison levels to match weights, in bits. Pure.

A pair belongs to one of five classes: one person (M), strangers (N), one household (H), twins (T), two generations of
one name (J). The weight is log2 of the odds of M against the best of the rest, so it is a plain sum: the prior and one
part a fact. That is what keeps households and twins apart: what they share speaks for H and T as loudly as for M.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from identity.linkage import start
from identity.linkage.comparing import COMPARISONS, LEVELS, MISSING, Levels, field_of

Floats = npt.NDArray[np.float64]

MATCH = "M"
RIVALS = ("N", "H", "T", "J")
RIVAL_WORDS = {"N": "strangers", "H": "two of one household", "T": "twins", "J": "two generations of one name"}
# Where the frequency of the value replaces the start value of strangers: (comparison, level, term, classes).
# A given name is drawn anew in a household and among twins; surname and place are what these share.
_FREQUENCY_LEVELS = (
    ("given", 0, "given", ("N", "H", "T")),
    ("surname", 0, "surname", ("N",)),
    ("location", 2, "postcode", ("N",)),
    ("location", 4, "city", ("N",)),
)


class Part(NamedTuple):
    """What one fact contributes to the weight of a pair, in bits."""

    field: str
    level: str
    bits: float


@dataclass(frozen=True, slots=True)
class Scored:
    """Weights of pairs, parallel to the levels they were computed from.

    `parts` are against the best rival, `against_strangers` against N: what two records agree on at all.
    """

    levels: Levels
    parts: Floats
    against_strangers: Floats
    prior: Floats
    weights: Floats
    rivals: npt.NDArray[np.intp]

    @property
    def probabilities(self) -> Floats:
        """The probability of a match, given that it is a match or the best of the rest."""
        return probability(self.weights)


def probability(weights: Floats) -> Floats:
    """Odds in bits as a probability."""
    return np.asarray(1.0 / (1.0 + np.exp2(-np.clip(weights, -1000.0, 1000.0))), dtype=np.float64)


def bits(chance: float) -> float:
    """The weight at which a match has this probability."""
    return float(np.log2(chance / (1.0 - chance)))


@dataclass(frozen=True)
class Model:
    """One version of the model. Equal models give equal weights for equal levels, in every executor."""

    probabilities: Mapping[str, Mapping[str, Sequence[float]]]
    pairs_a_record: Mapping[str, float]
    least_base: int
    frequency_records: int
    rarest: float
    link_above: float
    review_above: float
    version: int = 0

    def __post_init__(self) -> None:
        for comparison in COMPARISONS:
            count = len(LEVELS[field_of(comparison)])
            for name, row in self.probabilities[comparison].items():
                if len(row) != count or min(row) <= 0 or abs(sum(row) - 1) > 1e-6:
                    raise ValueError(f"{comparison} of class {name} needs {count} probabilities that sum to 1")
        if not 0.5 <= self.review_above + 0.25 <= self.link_above + 0.25 < 1.25:
            raise ValueError("thresholds must satisfy 0.25 <= review_above <= link_above < 1")

    @classmethod
    def from_json(cls, spec: Mapping[str, Any], *, version: int = 0) -> Self:
        """Read the stored form; what is left out keeps its start value."""
        merged = {**start.SPEC, **spec}
        if merged.pop("kind") != "fellegi-sunter":
            raise ValueError("this model is of a kind that is not known here")
        rows = {**start.START, **merged.pop("probabilities")}
        return cls(probabilities=rows, version=version, **merged)

    def to_json(self) -> dict[str, Any]:
        """The stored form; `from_json` gives the equal model back."""
        return {
            "kind": "fellegi-sunter",
            "probabilities": {name: {c: list(row) for c, row in rows.items()} for name, rows in self._rows()},
            "pairs_a_record": dict(self.pairs_a_record),
            "least_base": self.least_base,
            "frequency_records": self.frequency_records,
            "rarest": self.rarest,
            "link_above": self.link_above,
            "review_above": self.review_above,
        }

    def _rows(self) -> list[tuple[str, Mapping[str, Sequence[float]]]]:
        return [(name, self.probabilities[name]) for name in COMPARISONS]

    def score(self, levels: Levels, frequencies: Mapping[str, Floats], *, base: int) -> Scored:
        """Weights of pairs with these levels in a base of so many records.

        `frequencies` counts, for each term field and pair, the records that hold the value the pair agrees on (the
        pair itself not counted), NaN where unknown.
        """
        logs = self._class_logs(levels, frequencies, base=base)
        priors = {name: float(np.log2(self._prior(name, base))) for name in (MATCH, *RIVALS)}
        totals = np.stack([priors[name] + logs[name].sum(axis=1) for name in RIVALS])
        rivals = totals.argmax(axis=0)
        best = np.stack([logs[name] for name in RIVALS])[rivals, np.arange(len(levels))]
        prior = priors[MATCH] - np.array([priors[name] for name in RIVALS])[rivals]
        parts = logs[MATCH] - best
        return Scored(levels, parts, logs[MATCH] - logs["N"], prior, prior + parts.sum(axis=1), rivals)

    def _prior(self, name: str, base: int) -> float:
        """The share of all pairs that a class has: pairs grow with the square of the base, matches only with it."""
        if name == "N":
            return 1.0
        return 2.0 * self.pairs_a_record[name] / max(base, self.least_base)

    def _class_logs(
        self, levels: Levels, frequencies: Mapping[str, Floats], *, base: int
    ) -> dict[str, npt.NDArray[np.float64]]:
        logs = {name: np.zeros(levels.shape) for name in (MATCH, *RIVALS)}
        for column, comparison in enumerate(COMPARISONS):
            known = levels[:, column] != MISSING
            at = levels[known, column]
            for name in logs:
                logs[name][known, column] = self._tables[comparison][name][at]
        for comparison, level, term, classes in _FREQUENCY_LEVELS:
            column = COMPARISONS.index(comparison)
            counted = frequencies.get(term, np.full(len(levels), np.nan))
            rows = (levels[:, column] == level) & ~np.isnan(counted)
            usual = float(self.probabilities[comparison]["N"][level])
            share = self._share(counted[rows], usual, base=base)
            for name in classes:
                logs[name][rows, column] = np.log2(share)
        return logs

    def _share(self, counted: Floats, usual: float, *, base: int) -> Floats:
        """How common a value is: counted, mixed with the start value so that a small base does not deceive."""
        mixed = (counted + self.frequency_records * usual) / (base + self.frequency_records)
        return np.clip(mixed, self.rarest * usual, 0.5)

    @cached_property
    def _tables(self) -> dict[str, dict[str, Floats]]:
        return {
            comparison: {
                name: np.log2(np.array(rows.get(name, rows["N"]), dtype=np.float64)) for name in (MATCH, *RIVALS)
            }
            for comparison, rows in self._rows()
        }


def waterfall(scored: Scored, row: int) -> list[Part]:
    """The parts of one pair's weight, the prior first; they sum to the weight."""
    rival = RIVALS[int(scored.rivals[row])]
    parts = [Part("prior", f"one person, or {RIVAL_WORDS[rival]}", float(scored.prior[row]))]
    for column, comparison in enumerate(COMPARISONS):
        level = int(scored.levels[row, column])
        if level != MISSING:
            field = field_of(comparison)
            parts.append(Part(field, LEVELS[field][level], float(scored.parts[row, column])))
    return parts


def evidence(scored: Scored, row: int, model: Model) -> dict[str, Any]:
    """What is kept of a pair for the waterfall chart and its sentences."""
    parts = waterfall(scored, row)
    return {
        "model": model.version,
        "weight": round(float(scored.weights[row]), 4),
        "probability": round(float(scored.probabilities[row]), 6),
        "instead": RIVAL_WORDS[RIVALS[int(scored.rivals[row])]],
        "parts": [{"field": part.field, "level": part.level, "bits": round(part.bits, 4)} for part in parts],
        "words": words(parts),
    }


def words(parts: Sequence[Part]) -> str:
    """The strongest evidence for and against, in a sentence."""
    facts = sorted((part for part in parts if part.field != "prior"), key=lambda part: -abs(part.bits))
    pro = [f"{part.field.replace('_', ' ')} {part.level}" for part in facts if part.bits > 1][:4]
    con = [f"{part.field.replace('_', ' ')} {part.level}" for part in facts if part.bits < -1][:4]
    sides = [f"for it: {', '.join(pro)}" if pro else "", f"against it: {', '.join(con)}" if con else ""]
    return "; ".join(side for side in sides if side) or "nothing speaks clearly for or against it"


def evidence_json(scored: Scored, row: int, model: Model) -> str:
    """`evidence` as the JSON text that is stored with a link or a review."""
    return json.dumps(evidence(scored, row, model), separators=(",", ":"))
