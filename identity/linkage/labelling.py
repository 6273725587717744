"""Steward's decisions as labels: what was compared then, weighed by a model of today. Pure.

A decided match is one profile now, so its two sides are gone; but the evidence that the steward saw is kept, and it
names the level of every fact.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from identity.linkage.levels import LEVELS, MISSING, Floats, Levels, field_of
from identity.linkage.model import Model

# Fewer decisions of either kind say too little.
LEAST_DECISIONS = 25
# Doubt about the correction itself, in nats: a few decisions move it a little.
_SPREAD = 1.0
_ROUNDS = 25


def levels_of(evidence: Iterable[Mapping[str, Any]], model: Model) -> Levels:
    """The levels that kept evidence names, one row each, in the order of the model's comparisons."""
    rows = [_row({str(p["field"]): str(p.get("level", "")) for p in one.get("parts", ())}, model) for one in evidence]
    return np.array(rows, dtype=np.int8).reshape(-1, len(model.comparisons))


def _row(said: Mapping[str, str], model: Model) -> list[int]:
    shared = (said.get("given") in ("exact", "near", "related")) + (said.get("surname") in ("exact", "close"))
    version = 2 if said.get("given") == "swapped" else shared
    row = []
    for comparison in model.comparisons:
        fact = field_of(comparison)
        if fact == "email" and comparison != f"email_{version}":
            row.append(MISSING)
            continue
        words = LEVELS[fact]
        level = said.get(comparison.partition(":")[2] or fact, "")
        row.append(words.index(level) if level in words else MISSING)
    return row


def calibrated(model: Model, weights: Floats, matches: Sequence[bool]) -> Model:
    """The model with the prior that makes its probabilities right on decided pairs, if there are enough of them.

    One number is learned, the shift of the log odds, by maximum likelihood with a normal prior around none: it scales
    the share of matches and leaves what each fact says alone.
    """
    answers = np.asarray(matches, dtype=np.float64)
    if min(answers.sum(), len(answers) - answers.sum()) < LEAST_DECISIONS:
        return model
    shift = 0.0
    for _ in range(_ROUNDS):
        chances = 1.0 / (1.0 + np.exp(-(weights + shift)))
        slope = float((answers - chances).sum() - shift / _SPREAD**2)
        shift += slope / float((chances * (1 - chances)).sum() + 1 / _SPREAD**2)
    scaled = {**model.pairs_a_record, "M": model.pairs_a_record["M"] * float(np.exp(shift))}
    trained = {**model.trained, "calibrated_by": len(answers), "shift": shift}
    return replace(model, pairs_a_record=scaled, trained=trained)
