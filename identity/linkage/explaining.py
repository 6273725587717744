"""Why a pair has its weight: the parts that sum to it, and the same in a sentence. Pure."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from identity.linkage.levels import CLASSES, LEVELS, MISSING, RIVALS, field_of
from identity.linkage.model import RIVAL_WORDS, Model, Scored

_BITS = 1.0 / float(np.log(2.0))
# A part of so many bits is worth a word.
_TELLING = 1.0


class Part(NamedTuple):
    """What one fact contributes to the weight of a pair, in bits."""

    field: str
    level: str
    bits: float


def waterfall(scored: Scored, row: int, model: Model) -> list[Part]:
    """The parts of one pair's weight: the prior, the facts, and what the other explanations take off; they sum to it.

    The facts are weighed against the best rival explanation. The rest of the rivals together are one more part, never
    above zero, because the weight is against all of them.
    """
    logs = scored.logs[:, row, :]
    totals = scored.prior + logs.sum(axis=1)
    rival = 1 + int(totals[1:].argmax())
    name = CLASSES[rival]
    parts = [Part("prior", f"one person, or {RIVAL_WORDS[name]}", float(scored.prior[0] - scored.prior[rival]) * _BITS)]
    for column, comparison in enumerate(model.comparisons):
        level = int(scored.levels[row, column])
        if level != MISSING:
            label = comparison.partition(":")[2] or field_of(comparison)
            bits = float(logs[0, column] - logs[rival, column]) * _BITS
            parts.append(Part(label, LEVELS[field_of(comparison)][level], bits))
    rest = float(totals[rival] - np.logaddexp.reduce(totals[1:])) * _BITS
    if rest < -0.005:
        others = [RIVAL_WORDS[one] for one in RIVALS if one != name]
        parts.append(Part("other explanations", ", ".join(others), rest))
    return parts


def evidence(scored: Scored, row: int, model: Model) -> dict[str, Any]:
    """What is kept of a pair for the waterfall chart and its sentences."""
    parts = waterfall(scored, row, model)
    totals = scored.prior + scored.logs[:, row, :].sum(axis=1)
    return {
        "model": model.version,
        "weight": round(float(scored.weights[row]) * _BITS, 4),
        "probability": round(float(scored.probabilities[row]), 6),
        "instead": RIVAL_WORDS[CLASSES[1 + int(totals[1:].argmax())]],
        "parts": [{"field": part.field, "level": part.level, "bits": round(part.bits, 4)} for part in parts],
        "words": words(parts),
    }


def words(parts: Sequence[Part]) -> str:
    """The strongest evidence for and against, in a sentence."""
    silent = ("prior", "other explanations")
    facts = sorted((part for part in parts if part.field not in silent), key=lambda part: -abs(part.bits))
    pro = [f"{part.field.replace('_', ' ')} {part.level}" for part in facts if part.bits > _TELLING][:4]
    con = [f"{part.field.replace('_', ' ')} {part.level}" for part in facts if part.bits < -_TELLING][:4]
    sides = [f"for it: {', '.join(pro)}" if pro else "", f"against it: {', '.join(con)}" if con else ""]
    return "; ".join(side for side in sides if side) or "nothing speaks clearly for or against it"


def evidence_json(scored: Scored, row: int, model: Model) -> str:
    """`evidence` as the JSON text that is stored with a link or a review."""
    return json.dumps(evidence(scored, row, model), separators=(",", ":"))
