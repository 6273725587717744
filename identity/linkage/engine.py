"""One engine for records in memory: compare, score, decide. What the task, the evaluation and files have in common."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from identity.linkage import deciding
from identity.linkage.blocking import TERM_FIELDS
from identity.linkage.comparing import compare
from identity.linkage.deciding import Decisions, Pair
from identity.linkage.fields import Record
from identity.linkage.model import Floats, Model, Scored, bits

# Counts of the records that hold a value, by (term field, value).
Counts = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Linked:
    """What the engine found: all pairs it looked at, their scores, and what to do."""

    pairs: list[Pair]
    scored: Scored
    decisions: Decisions


def score(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, *, base: int, model: Model) -> Scored:
    """Compare and weigh pairs of a base of so many records."""
    return model.score(compare(records, pairs), frequencies(records, pairs, counts), base=base)


def frequencies(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts) -> dict[str, Floats]:
    """For each term field and pair, how many *other* records hold the value the two agree on."""
    by_field: dict[str, Floats] = {}
    for name in TERM_FIELDS:
        column = np.full(len(pairs), np.nan)
        for row, (a, b) in enumerate(pairs):
            value = getattr(records[a], name)
            if value and value == getattr(records[b], name):
                column[row] = max(counts.get((name, value), 2) - 2, 0)
        by_field[name] = column
    return by_field


def link(
    records: Mapping[int, Record],
    pairs: Sequence[Pair],
    counts: Counts,
    *,
    base: int,
    banned: Collection[Pair],
    model: Model,
) -> Linked:
    """Score the candidates, then the pairs between them that only clustering needs, and decide."""
    scored = score(records, pairs, counts, base=base, model=model)
    above = bits(model.link_above)
    strong = [pair for pair, weight in zip(pairs, scored.weights, strict=True) if weight >= above]
    extra = sorted(deciding.missing_cross_pairs(strong, pairs))
    if extra:
        pairs = [*pairs, *extra]
        scored = score(records, pairs, counts, base=base, model=model)
    return Linked(list(pairs), scored, deciding.decide(pairs, scored, banned=banned, model=model))
