"""Compare and score records in memory: what the task, the evaluation and files have in common. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np

from identity.graph import Pair
from identity.linkage import deciding
from identity.linkage.blocking import TERM_FIELDS
from identity.linkage.comparing import compare
from identity.linkage.fields import Record
from identity.linkage.model import Floats, Model, Scored, bits

# Counts of the records that hold a value, by (term field, value).
Counts = Mapping[tuple[str, str], int]


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
            if value and value == getattr(records[b], name) and (name, value) in counts:
                column[row] = max(counts[name, value] - 2, 0)
        by_field[name] = column
    return by_field


def score_candidates(
    records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, *, base: int, model: Model
) -> tuple[list[Pair], Scored]:
    """Score the candidates, and the pairs between them that only clustering needs. Answers the pairs and the scores."""
    scored = score(records, pairs, counts, base=base, model=model)
    above = bits(model.link_above)
    strong = [pair for pair, weight in zip(pairs, scored.weights, strict=True) if weight >= above]
    extra = sorted(deciding.missing_cross_pairs(strong, pairs))
    if not extra:
        return list(pairs), scored
    every = [*pairs, *extra]
    return every, score(records, every, counts, base=base, model=model)
