"""Fitting what recommendations are made from, and judging it by what people did next.

Loads scipy, so only the process of a run imports this module. One thread everywhere: on a machine that has
other work several are many times slower, and with one the outcome is the same each time.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sparse
from threadpoolctl import threadpool_limits

from insights.recommendations import measuring, scoring
from insights.recommendations.contracts import FEWEST_INTERACTIONS
from insights.recommendations.factors import Als
from insights.recommendations.measuring import Measures
from insights.recommendations.scoring import Floats, Ints

NEIGHBOURS = 20
# Similarities of items that few people touched together are taken back towards nothing.
_SHRINKAGE = 10.0
_SEED = 42
# The grid is looked at by so many people; more say the same.
_GRID_PEOPLE, _JUDGED_PEOPLE = 20_000, 5_000
_CELLS_AT_ONCE = 20_000_000
# Library defaults lose to neighbours: the grid reaches strong regularisation.
_REGULARISATION, _ALPHA, _FACTORS = (1.0, 3.0, 10.0, 30.0, 100.0), (0.0, 2.0, 20.0), (32, 64)
# Shares of factors, of what goes together, and of what is alike.
_MIXES = (
    (1.0, 0.0, 0.0), (1.0, 0.25, 0.0), (1.0, 0.5, 0.0), (1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.25, 0.1),
    (1.0, 0.5, 0.2), (0.5, 1.0, 0.2), (1.0, 0.0, 0.2),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Params:
    """How factors are fitted, and how scores are mixed."""

    factors: int = 32
    regularisation: float = 10.0
    alpha: float = 2.0
    mix: tuple[float, float, float] = (1.0, 0.25, 0.1)


@dataclass(frozen=True, slots=True)
class Fitted:
    """Factors of items, and neighbours. Those of a person follow from the items: `people_factors`."""

    items: Floats
    gram: Floats
    alpha: float
    near: Ints
    near_scores: Floats


@dataclass(frozen=True, slots=True)
class History:
    """What people touched: weights by person and item, the time of each touch, and what is not to be offered again."""

    weight: sparse.csr_matrix
    last: sparse.csr_matrix
    known: sparse.csr_matrix


@threadpool_limits.wrap(limits=1)
def item_factors(weight: sparse.csr_matrix, params: Params, als: Als) -> tuple[Floats, Floats]:
    """Factors of items, and Y'Y + regularisation I. People with fewer than five items do not take part."""
    sure = weight[np.diff(weight.indptr) >= FEWEST_INTERACTIONS]
    width = max(1, min(params.factors, min(sure.shape) - 1)) if min(sure.shape) else 1
    if not sure.nnz:
        return np.zeros((weight.shape[1], width), dtype=np.float32), np.eye(width, dtype=np.float32)
    items = als(sure, width=width, regularisation=params.regularisation, alpha=params.alpha)
    # An item that nobody of them touched keeps nothing of where it began.
    items[np.diff(sure.tocsc().indptr) == 0] = 0
    gram = items.T @ items + params.regularisation * np.eye(width, dtype=np.float32)
    return items, gram.astype(np.float32)


def people_factors(fitted: "Fitted", weight: sparse.csr_matrix, rows: npt.NDArray[np.int64]) -> Floats:
    """Factors of these people as they are worked out when somebody asks; zeros for those with fewer than five items."""
    found = np.zeros((len(rows), fitted.items.shape[1]), dtype=np.float32)
    for place, row in enumerate(rows):
        some = slice(weight.indptr[row], weight.indptr[row + 1])
        if some.stop - some.start >= FEWEST_INTERACTIONS:
            sure = scoring.confidence(weight.data[some], fitted.alpha)
            found[place] = scoring.fold_in(fitted.items, fitted.gram, weight.indices[some], sure)
    return found


def together(weight: sparse.csr_matrix, *, most: int = 500) -> tuple[Ints, Floats]:
    """The items that the same people touched: the cosine of who touched them, times n/(n + 10) for n people in common.
    Places and similarities of the 20 nearest of each. A person with more than 500 items tells little of each pair."""
    few = np.diff(weight.indptr) <= most
    there = weight[few].copy()
    there.data = np.ones_like(there.data, dtype=np.float32)
    people = np.asarray(there.sum(axis=0)).ravel()

    def similar(rows: slice) -> sparse.csr_matrix:
        common = (there.T[rows] @ there).tocoo()
        left = people[rows][common.row]
        value = common.data / np.sqrt(left * people[common.col]) * common.data / (common.data + _SHRINKAGE)
        return sparse.csr_matrix((value, (common.row, common.col)), shape=common.shape)

    return _nearest(similar, weight.shape[1])


def alike(tags: Sequence[Sequence[str]]) -> tuple[Ints, Floats]:
    """The items that are described alike: the cosine of their words by TF-IDF (Salton and Buckley 1988). Words of more
    than 2,000 items tell them apart too little and cost much."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(tags):
        return _nearest(lambda rows: sparse.csr_matrix((rows.stop - rows.start, len(tags))), len(tags))
    most = 1.0 if len(tags) <= 2_000 else 2_000 / len(tags)
    try:
        words = TfidfVectorizer(analyzer=list, max_df=most, dtype=np.float32, sublinear_tf=True).fit_transform(tags)
    except ValueError:  # every word is that of too many
        words = sparse.csr_matrix((len(tags), 1), dtype=np.float32)
    turned = words.T.tocsr()
    return _nearest(lambda rows: words[rows] @ turned, len(tags))


def _nearest(similar: Callable[[slice], Any], count: int) -> tuple[Ints, Floats]:
    near = np.full((count, NEIGHBOURS), -1, dtype=np.int32)
    scores = np.zeros((count, NEIGHBOURS), dtype=np.float32)
    for start in range(0, count, 1_000):
        rows = similar(slice(start, min(start + 1_000, count))).tocsr()
        for place in range(rows.shape[0]):
            some = slice(rows.indptr[place], rows.indptr[place + 1])
            columns, values = rows.indices[some], rows.data[some]
            good = (columns != start + place) & (values > 0)
            columns, values = columns[good], values[good]
            order = np.lexsort((columns, -values))[:NEIGHBOURS]
            near[start + place, : len(order)] = columns[order]
            scores[start + place, : len(order)] = values[order]
    return near, scores


def fit(weight: sparse.csr_matrix, params: Params, als: Als) -> Fitted:
    """Everything that is learned of what people touched."""
    items, gram = item_factors(weight, params, als)
    near, scores = together(weight)
    return Fitted(items, gram, params.alpha, near, scores)


def as_lists(
    fitted: Fitted, similar: tuple[Ints, Floats], history: History, rows: npt.NDArray[np.int64],
    mix: Sequence[float], *, k: int = 10,
) -> list[Ints]:  # fmt: skip
    """The k best items of each person, without what is not to be offered again."""
    count, found = history.weight.shape[1], []
    latest = _latest(history.last)
    near = _sparse(fitted.near, fitted.near_scores)
    close = _sparse(*similar)
    step = max(1, _CELLS_AT_ONCE // max(count, 1))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        parts = [
            people_factors(fitted, history.weight, some) @ fitted.items.T, (latest[some] @ near).toarray(),
            (latest[some] @ close).toarray(),
        ]  # fmt: skip
        scores = np.sum(scoring.mixed(parts, mix), axis=0)
        for place, row in enumerate(some):
            scores[place, history.known[row].indices] = -np.inf
            found.append(scoring.best(scores[place], k))
    return found


def popular_lists(popularity: Floats, history: History, rows: npt.NDArray[np.int64], *, k: int = 10) -> list[Ints]:
    """What popularity alone offers each person."""
    most = int(np.diff(history.known.indptr).max(initial=0)) + k
    order = scoring.best(popularity, most)
    return [order[~np.isin(order, history.known[row].indices)][:k] for row in rows]


def popularity_of(weight: sparse.csr_matrix) -> Floats:
    """How popular each item is: the sum over people of log(1 + weight), so that nobody counts for many."""
    one = weight.copy()
    one.data = np.log1p(one.data)
    return np.asarray(one.sum(axis=0), dtype=np.float32).ravel()


def _latest(last: sparse.csr_matrix) -> sparse.csr_matrix:
    """Ones at the items that each person touched last."""
    rows = np.repeat(np.arange(last.shape[0]), np.diff(last.indptr))
    order = np.lexsort((last.indices, -last.data, rows))
    rank = np.arange(len(rows)) - last.indptr[rows]
    kept = order[rank < scoring.LATEST]
    ones = np.ones(len(kept), dtype=np.float32)
    return sparse.csr_matrix((ones, (rows[kept], last.indices[kept])), shape=last.shape)


def _sparse(near: Ints, scores: Floats) -> sparse.csr_matrix:
    rows, columns = np.nonzero(near >= 0)
    return sparse.csr_matrix((scores[rows, columns], (rows, near[rows, columns])), shape=(len(near), len(near)))


@dataclass(frozen=True, slots=True)
class Trial:
    """One point of the grid."""

    params: Params
    ndcg: float


def choose(
    early: History, wanted: Sequence[frozenset[int]], similar: tuple[Ints, Floats], als: Als, *,
    step: Callable[[], None] = lambda: None,
) -> tuple[Params, list[Trial]]:  # fmt: skip
    """The point of the grid with the highest NDCG at 10 for what people of a sample touched next."""
    rows = _sample(np.array([place for place, one in enumerate(wanted) if one], dtype=np.int64), _GRID_PEOPLE)
    judged = _sample(_enough(early, rows), _JUDGED_PEOPLE)
    if not len(judged):
        return Params(), []
    asked = [wanted[row] for row in judged]
    trials: list[Trial] = []

    def tried(params: Params, fitted: Fitted) -> float:
        lists = as_lists(fitted, similar, early, judged, params.mix)
        trials.append(Trial(params, _ndcg(lists, asked)))
        return trials[-1].ndcg

    near = together(early.weight)

    def learn(params: Params) -> Fitted:
        step()
        items, gram = item_factors(early.weight, params, als)
        return Fitted(items, gram, params.alpha, *near)

    plain = [Params(_FACTORS[0], reg, alpha, _MIXES[0]) for reg in _REGULARISATION for alpha in _ALPHA]
    top = max(plain, key=lambda one: tried(one, learn(one)))
    for width in _FACTORS[1:]:
        wider = Params(width, top.regularisation, top.alpha, _MIXES[0])
        tried(wider, learn(wider))
    best = max(trials, key=lambda one: one.ndcg).params
    fitted = learn(best)
    for mix in _MIXES[1:]:
        tried(Params(best.factors, best.regularisation, best.alpha, mix), fitted)
    return max(trials, key=lambda one: one.ndcg).params, trials


def judge(
    early: History, wanted: Sequence[frozenset[int]], params: Params, similar: tuple[Ints, Floats],
    tags: Sequence[frozenset[str]], als: Als,
) -> dict[str, Measures]:  # fmt: skip
    """What a model of the early history foresees of the rest, beside neighbours alone and popularity."""
    rows = np.array([place for place, one in enumerate(wanted) if one], dtype=np.int64)
    judged = _sample(_enough(early, rows), _JUDGED_PEOPLE)
    asked = [wanted[row] for row in judged]
    fitted = fit(early.weight, params, als)
    popular = popular_lists(popularity_of(early.weight), early, judged)
    share = np.asarray((early.weight > 0).sum(axis=0), dtype=np.float64).ravel() / max(early.weight.shape[0], 1)

    def measures(lists: list[Ints]) -> Measures:
        return measuring.measured(lists, asked, popular, share=share, tags=tags)

    return {
        "model": measures(as_lists(fitted, similar, early, judged, params.mix)),
        "together": measures(as_lists(fitted, similar, early, judged, (0.0, 1.0, 0.0))),
        "popular": measures(popular),
    }


def _ndcg(lists: list[Ints], asked: Sequence[frozenset[int]]) -> float:
    nothing = [frozenset[str]()] * (max((int(one.max(initial=0)) for one in lists), default=0) + 1)
    return measuring.measured(lists, asked, lists, share=np.ones(len(nothing)), tags=nothing).ndcg


def _enough(history: History, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return rows[np.diff(history.weight.indptr)[rows] >= FEWEST_INTERACTIONS]


def _sample(rows: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(_SEED).choice(rows, most, replace=False))


def told(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The trials in the form that is stored."""
    return [{**asdict(one.params), "ndcg": one.ndcg} for one in trials]
