"""Factors of items by implicit ALS (Hu, Koren, Volinsky 2008): by the library implicit in this process, or by Spark's
MLlib for bases that outgrow it. Either gives the same kind of numbers, from which all else is worked out alike.

Loads scipy and what is chosen, so only the process of a run imports this module.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import scipy.sparse as sparse

from common import spark
from insights.contracts import NotPossible
from insights.recommendations import scoring
from insights.recommendations.scoring import Floats

ENGINES = ("implicit", "spark")
_ITERATIONS, _SEED = 15, 42
# MLlib divides by alpha times the rating; without any confidence of its own an item counts as with this much.
_LEAST_ALPHA = 1e-3


class Als(Protocol):
    """Factors of the items (columns) from what people (rows) touched."""

    def __call__(
        self, weight: sparse.csr_matrix, *, width: int, regularisation: float, alpha: float
    ) -> Floats: ...  # fmt: skip


@contextmanager
def als_by(engine: str, *, memory: str) -> Iterator[Als]:
    """The ALS of that engine, for one run. Raises NotPossible for what this machine lacks."""
    if engine == "implicit":
        yield by_implicit
        return
    if engine != "spark":
        raise NotPossible(f"CDP_RECOMMENDATION_ENGINE is {engine}: choose one of {', '.join(ENGINES)}.")
    try:
        session = spark.session("cdp-recommendations", memory=memory)
    except spark.NoSpark as lacks:
        raise NotPossible(
            f"Recommendations are set to be learned by Spark, which is not here. {lacks}. Or set"
            " CDP_RECOMMENDATION_ENGINE=implicit."
        ) from lacks
    try:
        yield _BySpark(session)
    finally:
        session.stop()


def by_implicit(weight: sparse.csr_matrix, *, width: int, regularisation: float, alpha: float) -> Floats:
    """By the library implicit."""
    from implicit.als import AlternatingLeastSquares

    sure = weight.astype(np.float32)
    sure.data = scoring.confidence(weight.data, alpha)
    model = AlternatingLeastSquares(
        factors=width, regularization=regularisation, alpha=1.0, iterations=_ITERATIONS, random_state=_SEED,
        num_threads=1, use_gpu=False,
    )  # fmt: skip
    model.fit(sure, show_progress=False)
    return np.ascontiguousarray(model.item_factors, dtype=np.float32)


class _BySpark:
    def __init__(self, session: Any) -> None:
        self._session = session

    def __call__(self, weight: sparse.csr_matrix, *, width: int, regularisation: float, alpha: float) -> Floats:
        """By MLlib, whose confidence is 1 + alpha r, here with r = log(1 + weight).

        It takes a regularisation for each touch of a row; divided by the mean number of touches it weighs as much
        against everything as the same number does in implicit."""
        import pyarrow as pa
        from pyspark.ml.recommendation import ALS

        told = weight.tocoo()
        touches = 2 * told.nnz / max(np.count_nonzero(np.diff(weight.indptr)) + len(np.unique(told.col)), 1)
        columns = {
            "person": told.row.astype(np.int32), "item": told.col.astype(np.int32),
            "rating": np.log1p(told.data).astype(np.float32),
        }  # fmt: skip
        frame = self._session.createDataFrame(pa.table(columns))
        model = ALS(
            rank=width, maxIter=_ITERATIONS, regParam=regularisation / max(touches, 1), implicitPrefs=True,
            alpha=max(alpha, _LEAST_ALPHA), userCol="person", itemCol="item", ratingCol="rating", seed=_SEED,
        ).fit(frame)  # fmt: skip
        learned = model.itemFactors.toArrow()
        found = np.zeros((weight.shape[1], width), dtype=np.float32)
        values = learned.column("features").combine_chunks().values.to_numpy()
        found[learned.column("id").to_numpy()] = values.reshape(-1, width)
        return found
