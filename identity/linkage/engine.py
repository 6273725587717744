"""Compare and score records in memory: what the task, the review of a link and the tests have in common."""

from collections.abc import Mapping, Sequence

import numpy as np

from identity.graph import Pair
from identity.linkage import deciding, start
from identity.linkage.comparing import compare
from identity.linkage.fields import Record
from identity.linkage.levels import Floats, Term
from identity.linkage.model import Model, Scored, log_odds, log_share
from identity.linkage.terms import Counts, value_of


def score(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, *, base: int, model: Model) -> Scored:
    """Compare and weigh pairs of a base of so many records."""
    levels = compare(records, pairs, model.comparisons, aliases=model.aliases)
    return model.score(levels, shares(records, pairs, counts, model), base=base)


def shares(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, model: Model) -> dict[int, Floats]:
    """For each term and pair the log share of the *other* people who hold the value the two agree on."""
    by_column: dict[str, Floats] = {}
    found: dict[int, Floats] = {}
    for index, term in enumerate(model.terms):
        if term.column not in by_column:
            by_column[term.column] = _share(records, pairs, counts, term, model)
        found[index] = by_column[term.column]
    return found


def _share(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, term: Term, model: Model) -> Floats:
    holders = np.full(len(pairs), np.nan)
    values = {one: value_of(record, term.column) for one, record in records.items()}
    for row, (a, b) in enumerate(pairs):
        value = values[a]
        if value and value == values[b]:
            holders[row] = counts.holders.get((term.column, value), 2) - 2
    usual = start.usual_share(term.column)
    return log_share(holders, counts.totals.get(term.column, 0), usual=usual, least_base=model.least_base)


def score_candidates(
    records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, *, base: int, model: Model
) -> tuple[list[Pair], Scored]:
    """Score the candidates, and the pairs between them that only clustering needs. Answers the pairs and the scores."""
    scored = score(records, pairs, counts, base=base, model=model)
    above = log_odds(model.link_above)
    strong = [pair for pair, weight in zip(pairs, scored.weights, strict=True) if weight >= above]
    extra = sorted(deciding.missing_cross_pairs(strong, pairs))
    if not extra:
        return list(pairs), scored
    every = [*pairs, *extra]
    return every, score(records, every, counts, base=base, model=model)
