"""The Fellegi-Sunter model: from comparison levels to match weights. Pure.

A pair belongs to one of six classes: one person (M), strangers (N), one household (H), twins (T), two generations of
one name (J), namesakes in one home (L). The weight is the log odds of M against all the others together (Fellegi and
Sunter 1969; more than two classes: Larsen 2012), so what a household shares speaks for H as loudly as for M and merges
nobody. It is computed in nats and shown in bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from identity.linkage import start
from identity.linkage.levels import (
    CLASSES,
    CONFLICT,
    LEVELS,
    MISSING,
    STANDARD,
    Floats,
    Levels,
    Term,
    check_number,
    field_of,
    terms_of,
)

RIVAL_WORDS = {
    "N": "strangers", "H": "two of one household", "T": "twins", "J": "two generations of one name",
    "L": "namesakes in one home",
}  # fmt: skip
# No value counts as rarer than this share of one person.
_LEAST_HOLDERS = 0.5
# Where more of the matches than this contradict each other, it is no conflict.
MOST_CONFLICTS = 0.01


@dataclass(frozen=True, slots=True)
class Scored:
    """Weights of pairs in nats, parallel to the levels they were computed from.

    `logs` hold, class by class in the order of `CLASSES`, what each comparison adds to the log of the class's share of
    all pairs; `prior` what is there before anything is compared.
    """

    levels: Levels
    logs: npt.NDArray[np.float64]  # classes x pairs x comparisons
    prior: Floats  # classes
    weights: Floats

    @property
    def probabilities(self) -> Floats:
        """The probability of a match."""
        return probability(self.weights)

    @property
    def against_strangers(self) -> Floats:
        """What two records agree on at all: each comparison's weight of M against N."""
        return np.asarray(self.logs[0] - self.logs[1])

    @classmethod
    def joined(cls, parts: Sequence["Scored"]) -> "Scored":
        """One after the other, scored by the same model over the same base."""
        return cls(
            np.concatenate([part.levels for part in parts]),
            np.concatenate([part.logs for part in parts], axis=1),
            parts[0].prior,
            np.concatenate([part.weights for part in parts]),
        )


def probability(weights: Floats) -> Floats:
    """Log odds as a probability."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(weights, -700.0, 700.0))), dtype=np.float64)


def log_odds(chance: float) -> float:
    """The weight at which a match has this probability."""
    return float(np.log(chance / (1.0 - chance)))


def log_share(holders: Floats, total: float, *, usual: float, least_base: int) -> Floats:
    """The log of the share of the others who hold a value: `holders` of `total` who have any.

    A base smaller than `least_base` is filled up with imaginary people who hold it as often as is usual.
    """
    filled = max(float(least_base) - total, 0.0)
    return np.asarray(np.log((np.maximum(holders, _LEAST_HOLDERS) + filled * usual) / max(total + filled, 1.0)))


@dataclass(frozen=True)
class Model:
    """One version of the model. Equal models give equal weights for equal levels, in every executor.

    `pairs_a_record` are the matches and the household pairs for one record of the base; as the base grows their share
    of all its pairs falls by itself. `least_base` keeps a tiny base from taking every namesake for a match.
    """

    comparisons: tuple[str, ...] = STANDARD
    probabilities: Mapping[str, Mapping[str, Sequence[float]]] = field(default_factory=start.start_rows)
    pairs_a_record: Mapping[str, float] = field(default_factory=lambda: dict(start.PAIRS_A_RECORD))
    least_base: int = start.LEAST_BASE
    aliases: tuple[tuple[str, str], ...] = ()
    link_above: float = 0.95
    review_above: float = 0.50
    trained: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    def __post_init__(self) -> None:
        check_number(self.comparisons)
        for comparison in self.comparisons:
            count = len(LEVELS[field_of(comparison)])
            for name, row in self.probabilities[comparison].items():
                if len(row) != count or min(row) <= 0 or abs(sum(row) - 1) > 1e-6:
                    raise ValueError(f"{comparison} of class {name} needs {count} probabilities that sum to 1")
        if not 0.0 < self.review_above <= self.link_above < 1.0:
            raise ValueError("thresholds must satisfy 0 < review_above <= link_above < 1")

    @classmethod
    def from_json(cls, spec: Mapping[str, Any], *, version: int = 0) -> Self:
        """Read the stored form, also that of the kind before; what is left out keeps its start value."""
        given = dict(spec)
        kind = given.pop("kind", KIND)
        if kind in _KINDS_BEFORE:
            given = _with_new_levels(given)
        elif kind != KIND:
            raise ValueError(f"this model is not of the kind {KIND!r}")
        given["comparisons"] = tuple(given.get("comparisons", STANDARD))
        given["aliases"] = tuple((str(x), str(y)) for x, y in given.get("aliases", ()))
        given["probabilities"] = start.start_rows(given["comparisons"]) | dict(given.get("probabilities", {}))
        return cls(**given, version=version)

    def to_json(self) -> dict[str, Any]:
        """The stored form; `from_json` gives the equal model back."""
        rows = {name: {c: list(row) for c, row in self.probabilities[name].items()} for name in self.comparisons}
        return {
            "kind": KIND,
            "comparisons": list(self.comparisons),
            "probabilities": rows,
            "pairs_a_record": dict(self.pairs_a_record),
            "least_base": self.least_base,
            "aliases": [list(pair) for pair in self.aliases],
            "link_above": self.link_above,
            "review_above": self.review_above,
            "trained": dict(self.trained),
        }

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """The values whose frequency matters."""
        return terms_of(self.comparisons)

    @cached_property
    def tables(self) -> dict[str, npt.NDArray[np.float64]]:
        """For each comparison the log probabilities, one row a class in the order of `CLASSES`, one column a level."""
        return {name: np.log(class_rows(self.probabilities[name], name)) for name in self.comparisons}

    @cached_property
    def _padded(self) -> dict[str, npt.NDArray[np.float64]]:
        """The tables with a last column for what is missing: `MISSING` counts from the end, and adds nothing."""
        return {name: np.pad(table, ((0, 0), (0, -MISSING))) for name, table in self.tables.items()}

    @cached_property
    def conflict(self) -> tuple[int, int] | None:
        """The comparison, by its place, and the level at which two contradict each other; None where that says little.

        It is learned from the base how often the birth dates of one person differ: in a base that is full of wrong ones
        they are no conflict.
        """
        column, level = CONFLICT
        rare = self.probabilities[self.comparisons[column]]["M"][level] < MOST_CONFLICTS
        return CONFLICT if rare else None

    def conflicts(self, levels: Levels) -> npt.NDArray[np.bool_]:
        """Which pairs contradict each other."""
        if self.conflict is None:
            return np.zeros(len(levels), dtype=bool)
        column, level = self.conflict
        return np.asarray(levels[:, column] == level)

    def log_prior(self, base: int) -> Floats:
        """The log of the share of all pairs that each class has: pairs grow with the square, matches with the base."""
        households = self.pairs_a_record["H"]
        pairs = {name: households * share for name, share in start.TIED.items()} | dict(self.pairs_a_record)
        shares = {name: 2.0 * value / max(base, self.least_base, 2) for name, value in pairs.items()}
        shares["N"] = 1.0 - min(sum(shares.values()), 0.9)
        return np.log(np.array([max(shares[name], 1e-300) for name in CLASSES]))

    def score(self, levels: Levels, shares: Mapping[int, Floats], *, base: int) -> Scored:
        """Weights of pairs with these levels in a base of so many records.

        `shares` hold, by the index of a term and for each pair, the log share of the other people who hold the value
        the two agree on (NaN where unknown or where they do not agree).
        """
        logs = np.zeros((len(CLASSES), *levels.shape))
        for column, comparison in enumerate(self.comparisons):
            logs[:, :, column] = self._padded[comparison][:, levels[:, column]]
        for index, term in enumerate(self.terms):
            column = self.comparisons.index(term.comparison)
            share = shares.get(index)
            if share is None:
                continue
            rows = (levels[:, column] == term.level) & ~np.isnan(share)
            for name in term.classes:
                logs[CLASSES.index(name), rows, column] = share[rows]
        prior = self.log_prior(base)
        totals = prior[:, None] + logs.sum(axis=2)
        return Scored(levels, logs, prior, totals[0] - np.logaddexp.reduce(totals[1:], axis=0))


KIND = "fellegi-sunter 4"
# The same with fewer levels, the first without middle names.
_KINDS_BEFORE = ("fellegi-sunter 2", "fellegi-sunter 3")


def _with_new_levels(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A spec whose rows lack the last levels: those get their start values, and the rest makes room for them."""
    known = spec.get("comparisons", STANDARD)
    rows: dict[str, dict[str, list[float]]] = {}
    for comparison, held in spec.get("probabilities", {}).items():
        begun = start.rows_of(comparison)
        rows[comparison] = {}
        for name, row in held.items():
            fresh = begun[name][len(row) :] if name in begun else []
            rows[comparison][name] = [value * (1 - sum(fresh)) for value in row] + fresh
    others = [name for name in known if name not in STANDARD]
    return {**spec, "comparisons": (*STANDARD, *others), "probabilities": rows}


def class_rows(rows: Mapping[str, Sequence[float]], comparison: str) -> npt.NDArray[np.float64]:
    """One row a class: what a class leaves out is as between strangers, or for twins as in a household."""
    strangers = np.array(rows["N"], dtype=np.float64)
    household = np.array(rows["H"]) if "H" in rows else strangers
    if comparison.startswith("email_") and "H" not in rows:
        household = strangers * (1 - start.SHARED_MAILBOX) / (1 - strangers[0])
        household[0] = start.SHARED_MAILBOX
    if comparison == "given" and "H" not in rows:
        household = strangers * (1 - start.SAME_NAME) / (1 - strangers[0])
        household[0] = start.SAME_NAME
    by_class = {"N": strangers, "H": household, "M": np.array(rows["M"])}
    by_class |= {name: np.array(rows[name]) if name in rows else household for name in start.TIED}
    return np.stack([by_class[name] for name in CLASSES])
