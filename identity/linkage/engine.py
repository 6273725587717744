"""Compare and score records in memory: what the task, the review of a link and the tests have in common."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from identity.graph import Pair
from identity.linkage import deciding, start
from identity.linkage.comparing import compare
from identity.linkage.fields import Record
from identity.linkage.levels import Floats
from identity.linkage.model import Model, Scored, log_odds, log_share
from identity.linkage.terms import Counts, values_of


def score(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, *, base: int, model: Model) -> Scored:
    """Compare and weigh pairs of a base of so many records."""
    levels = compare(records, pairs, model.comparisons, aliases=model.aliases)
    return model.score(levels, shares(records, pairs, counts, model), base=base)


def shares(records: Mapping[int, Record], pairs: Sequence[Pair], counts: Counts, model: Model) -> dict[int, Floats]:
    """For each term and pair the log share of the *other* people who hold the value the two agree on."""
    place = {record_id: n for n, record_id in enumerate(records)}
    left, right = (np.fromiter((place[pair[end]] for pair in pairs), dtype=np.intp, count=len(pairs)) for end in (0, 1))
    by_column = {
        column: _share(records, left, right, counts, column, model)
        for column in dict.fromkeys(term.column for term in model.terms)
    }
    return {index: by_column[term.column] for index, term in enumerate(model.terms)}


def _share(
    records: Mapping[int, Record],
    left: npt.NDArray[np.intp],
    right: npt.NDArray[np.intp],
    counts: Counts,
    column: str,
    model: Model,
) -> Floats:
    values = np.empty(len(records), dtype=object)
    values[:] = values_of(records.values(), column)
    holders = np.full(len(left), np.nan)
    for row in np.flatnonzero((values[left] == values[right]) & values[left].astype(bool)).tolist():
        holders[row] = counts.holders.get((column, values[left[row]]), 2) - 2
    usual = start.usual_share(column)
    return log_share(holders, counts.totals.get(column, 0), usual=usual, least_base=model.least_base)


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
    return [*pairs, *extra], scored.followed_by(score(records, extra, counts, base=base, model=model))
