"""Training without labels: expectation-maximisation over the whole pair space. Pure.

The shares of the classes are relative to all pairs of the base, and a pair that blocking did not bring counts as
strangers, so blocking biases nothing and the prior shrinks by itself as the base grows. Chances among strangers come
from random pairs, less the matches among them. m is learned from candidates, with a weak prior: without it a base
without duplicates would fill M with the next best cluster of pairs, its namesakes. (Winkler 1988, 2006; priors and
more than two classes: Larsen 2012; missing as null: Enamorado, Fifield, Imai 2019.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from identity.linkage import start
from identity.linkage.levels import CLASSES, LEVELS, MISSING, Floats, Levels, field_of
from identity.linkage.model import Model

# Imaginary matches, and household pairs, at the start rates.
PRIOR_PAIRS = 60.0
# Imaginary pairs of households of which so many are generations as the start values say.
HOUSEHOLD_PAIRS = 2_000.0
# Imaginary pairs of strangers: a level never seen among a million random pairs is not impossible.
_UNSEEN = 0.5
# What middle names say counts between those of one given name: where people are called Hans-Peter, a second Hans is
# often a Hans-Peter, too. So many pairs of any names are added to them, for there may be few.
_OF_ALL = 300.0
_MOST_ROUNDS, _CONVERGED = 60, 1e-4
# Of the matches of a base at most so many differ in these.
_MOST_UNLIKE = {"given": 0.3, "surname": 0.5, "birth_date": 0.5, "number": 0.5}
# Of the matches of a base at most so many have unlike given names.
_MOST_DIFFERENT = 0.5
_FREE_IN_HOUSEHOLD = ("middle", "surname", "phone", "number", "location", "place", "other")


@dataclass(frozen=True, slots=True)
class Sample:
    """Pairs by the pattern of their levels: `patterns` (rows x comparisons), and how many pairs each stands for."""

    patterns: Levels
    counts: Floats


@dataclass(frozen=True, slots=True)
class Candidates:
    """Candidate pairs by the pattern of their levels.

    Where the frequency of a value is known (`known`, patterns x terms) it takes the place of the average chance: what
    it adds instead is in `added` (classes x pairs). `weight` is how many pairs of the base each pair stands for.
    """

    patterns: Levels
    known: npt.NDArray[np.bool_]
    pattern_of: npt.NDArray[np.int64]
    added: Floats
    weight: Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a model is trained on."""

    records: int
    pairs: float  # all pairs of the base that could match
    candidates: Candidates
    random: Sample
    namesakes: Sample  # pairs that share a name: what alike mailboxes mean between them


def by_pattern(
    model: Model, packed: npt.NDArray[np.int64], levels: Levels, shares: Mapping[int, Floats], weight: Floats
) -> Candidates:
    """Candidates of packed patterns (one a pair, with the levels of each distinct one) and log shares by term."""
    distinct, pattern_of = np.unique(packed, return_inverse=True)
    flags = np.zeros(len(packed), dtype=np.int64)
    added = np.zeros((len(CLASSES), len(packed)))
    for index, term in enumerate(model.terms):
        if index not in shares:
            continue
        at = levels[pattern_of, model.comparisons.index(term.comparison)] == term.level
        at &= ~np.isnan(shares[index])
        flags |= at.astype(np.int64) << index
        for name in term.classes:
            added[CLASSES.index(name), at] += shares[index][at]
    # Both in one number: that sorts many times faster than rows of two.
    both, pattern_of = np.unique(pattern_of << len(model.terms) | flags, return_inverse=True)
    known = (both[:, None] >> np.arange(len(model.terms))) & 1 == 1
    return Candidates(levels[both >> len(model.terms)], known, pattern_of, added, weight)


def train(model: Model, evidence: Evidence) -> Model:
    """The model that explains the evidence best, beginning at `model`.

    Frequencies are taken as they are: the caller counts values by entity once there are entities, and trains again.
    Where what it found is no picture of a person, what one person and one home look like stays as it was begun, and
    only how many there are is learned.
    """
    trained = _converge(model, evidence)
    if _twins_in_disguise(trained):
        freed = {**start.PAIRS_A_RECORD, "T": trained.pairs_a_record["M"]}
        trained = _converge(replace(model, pairs_a_record=freed), evidence)
    if _no_person(trained):
        begun = start.start_rows(model.comparisons)
        fixed = {name: {**model.probabilities[name], **begun[name]} for name in model.comparisons}
        plain = replace(model, probabilities=fixed, pairs_a_record=dict(start.PAIRS_A_RECORD))
        trained = _converge(plain, evidence, fixed=True)
    return trained


def _no_person(model: Model) -> bool:
    """Whether matches mostly differ in what makes a person one: then they are homes, colleagues or namesakes."""
    return any(
        sum(model.probabilities[name]["M"][n] for n, level in enumerate(LEVELS[name]) if level.startswith("different"))
        > most
        for name, most in _MOST_UNLIKE.items()
    )


def _twins_in_disguise(model: Model) -> bool:
    """Whether most matches bear different given names: no base of matches looks so, but one full of twins does.

    Then the twins, which are tied to the households else, get a share of their own.
    """
    row = model.probabilities["given"]["M"]
    return row[LEVELS["given"].index("different")] > _MOST_DIFFERENT and "T" not in model.pairs_a_record


def _converge(model: Model, evidence: Evidence, *, fixed: bool = False) -> Model:
    model = _strangers(model, evidence)
    shares = _shares(model, evidence)
    for _ in range(_MOST_ROUNDS):
        fresh = _maximise(model, evidence, _expect(model, evidence.candidates, shares)[1], fixed=fixed)
        model, before = _strangers(fresh, evidence), shares
        shares = _shares(model, evidence)
        if np.abs(np.log(shares[[0, 2]] / before[[0, 2]])).max() < _CONVERGED:
            break
    return model


def class_logs(model: Model, patterns: Levels, known: npt.NDArray[np.bool_] | None = None) -> Floats:
    """Log probability of each pattern in each class (classes x patterns), less what known frequencies replace."""
    total = np.zeros((len(CLASSES), len(patterns)))
    for column, comparison in enumerate(model.comparisons):
        there = patterns[:, column] != MISSING
        total[:, there] += model.tables[comparison][:, patterns[there, column]]
    if known is not None:
        for index, term in enumerate(model.terms):
            for name in term.classes:
                row = CLASSES.index(name)
                total[row, known[:, index]] -= model.tables[term.comparison][row, term.level]
    return total


def _shares(model: Model, evidence: Evidence) -> Floats:
    """The share of all pairs that each class has."""
    tied = {name: model.pairs_a_record["H"] * share for name, share in start.TIED.items()}
    pairs = tied | dict(model.pairs_a_record)
    shares = np.array([max(pairs.get(name, 0.0), 1e-9) for name in CLASSES]) * evidence.records / evidence.pairs
    shares[1] = 0.0
    shares[1] = 1.0 - min(float(shares.sum()), 0.9)
    return shares


def _expect(model: Model, candidates: Candidates, shares: Floats) -> tuple[Floats, Floats]:
    """Posteriors of each pair times its weight, and their sums by pattern (classes x patterns)."""
    logs = np.log(shares)[:, None] + class_logs(model, candidates.patterns, candidates.known)
    whole = logs[:, candidates.pattern_of] + candidates.added
    whole -= whole.max(axis=0)
    np.exp(whole, out=whole)
    whole /= whole.sum(axis=0)
    count = len(candidates.patterns)
    whole *= candidates.weight
    return whole, np.stack([np.bincount(candidates.pattern_of, weights=row, minlength=count) for row in whole])


def _maximise(model: Model, evidence: Evidence, mass: Floats, *, fixed: bool) -> Model:
    rows = {name: dict(model.probabilities[name]) for name in model.comparisons}
    for column, comparison in enumerate(model.comparisons):
        if fixed and field_of(comparison) != "other":
            continue
        levels = evidence.candidates.patterns[:, column]
        begun = start.rows_of(comparison)
        if comparison == "middle":
            among = rows[comparison]["N"]
            begun |= {name: start.presence(begun[name], among, one_person=name == "M") for name in "MH"}
        rows[comparison]["M"] = _estimate(levels, mass[0], begun["M"])
        if field_of(comparison) in _FREE_IN_HOUSEHOLD:
            rows[comparison]["H"] = _estimate(levels, mass[2], begun["H"])
    totals = dict(zip(CLASSES, (mass.sum(axis=1) / evidence.records).tolist(), strict=True))
    totals |= {name: totals["H"] * _of_a_name(model, evidence, mass, name) for name in "JL"}
    learned = {*model.pairs_a_record, "J", "L"}
    return replace(
        model, probabilities=rows, pairs_a_record={name: totals[name] for name in CLASSES if name in learned}
    )


def _of_a_name(model: Model, evidence: Evidence, mass: Floats, name: str) -> float:
    """How many pairs of two generations of one name, or of namesakes in one home, there are for each of a household.

    Two birth dates tell them from one person, so only pairs that have both are asked; without them it stays where it
    was tied.
    """
    dated = evidence.candidates.patterns[:, model.comparisons.index("birth_date")] != MISSING
    household, alike = (float(mass[CLASSES.index(one), dated].sum()) for one in ("H", name))
    return (alike + HOUSEHOLD_PAIRS * start.TIED[name]) / (household + HOUSEHOLD_PAIRS)


def _estimate(levels: npt.NDArray[np.int8], mass: Floats, begun: Sequence[float]) -> list[float]:
    known = levels != MISSING
    counted = np.bincount(levels[known], weights=mass[known], minlength=len(begun))
    estimated = counted + PRIOR_PAIRS * np.array(begun)
    return [float(value) for value in estimated / estimated.sum()]


def _strangers(model: Model, evidence: Evidence) -> Model:
    """Chances among strangers: random pairs without the share of them that is likely no pair of strangers."""
    shares = np.log(_shares(model, evidence))
    rows = {name: dict(model.probabilities[name]) for name in model.comparisons}
    for sample, versions in ((evidence.random, ("email_0",)), (evidence.namesakes, ("email_1", "email_2"))):
        logs = shares[:, None] + class_logs(model, sample.patterns)
        mass = sample.counts * np.exp(logs[1] - np.logaddexp.reduce(logs, axis=0))
        for column, comparison in enumerate(model.comparisons):
            if comparison.startswith("email_") and comparison not in versions:
                continue
            if sample is evidence.namesakes and not comparison.startswith("email_"):
                continue
            levels = sample.patterns[:, column]
            known = levels != MISSING
            size = len(LEVELS[field_of(comparison)])
            counted = np.bincount(levels[known], weights=mass[known], minlength=size)
            seen = counted.sum()
            begun = np.array(start.rows_of(comparison)["N"])
            estimated = (counted + _UNSEEN * (begun if seen < 1 else np.full(size, 1 / size))) / (seen + _UNSEEN)
            estimated /= estimated.sum()
            if comparison == "middle":
                alike = known & (sample.patterns[:, model.comparisons.index("given")] == 0)
                counted = np.bincount(levels[alike], weights=mass[alike], minlength=size)
                estimated = (counted + _OF_ALL * estimated) / (counted.sum() + _OF_ALL)
            rows[comparison]["N"] = [float(value) for value in estimated / estimated.sum()]
    return replace(model, probabilities=rows)


def probabilities(model: Model, evidence: Evidence) -> Floats:
    """The match probability of each candidate under the trained shares."""
    return _expect(model, evidence.candidates, _shares(model, evidence))[0][0] / evidence.candidates.weight
