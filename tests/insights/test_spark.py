"""Spark gives the features that PostgreSQL gives, and factors as good as those of implicit. Needs the extra `spark` and
Java; minutes rather than seconds."""

import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sparse

from common import clock, pg
from insights import selectors, services
from insights.features.interactions import OPERATIONS
from insights.features.reading import features
from insights.recommendations import training
from insights.recommendations.factors import als_by
from insights.recommendations.models import Recommender
from tests.insights.sending import Sender
from tests.insights.test_interactions import extremes
from tests.insights.test_parquet_log import a_log, equal, in_files
from tests.insights.test_recommending import run, shop
from tests.insights.world import SPRING, told

pytest.importorskip("pyspark", reason="pip install '.[spark]'")
if shutil.which("java") is None:
    pytest.skip("Java 17 or later is not installed", allow_module_level=True)

__all__ = ["shop"]  # a fixture
pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def a_life(rng: random.Random) -> list[dict[str, Any]]:
    """What five people did, with everything that is odd."""
    names = ("Order Completed", "Order Refunded", "Order Cancelled", "$page", "Viewed", "Email Delivered",
             "Email Opened", "Email Link Clicked", "$identify")  # fmt: skip
    values = ["12.5", 3, 0.1, "", None, True, "I love it, it is great", 'a "b", c\nd', "straße", [1], {"a": 1}, 1e11]
    return [
        {
            "person": rng.randint(1, 5), "name": rng.choice(names), "minutes": rng.randint(-120 * 24 * 60, 24 * 60),
            "delay": rng.choice([0, 0, 3, 40]), "order": rng.choice(["a", "b", "c", ""]),
            "revenue": rng.choice([0, 10, "19.99", 0.333333333, -4, 50, None, 2e10, "no number"]),
            "value": rng.choice(values), "bot": rng.random() < 0.2, "listed": rng.choices("pqr,", k=rng.randint(0, 3)),
            "source": rng.randint(0, 1), "place": rng.choice(["NZ", "", None, "Köln", 'a "quoted", b']),
        }
        for _ in range(400)
    ]  # fmt: skip


@pytest.mark.parametrize(("zone", "lines"), [("America/New_York", False), ("Asia/Kolkata", True)])
def test_spark_gives_every_feature_that_postgresql_gives(zone: str, lines: bool) -> None:
    with a_log(a_life(random.Random(f"{zone} {lines}")), zone, {3}, lines) as log:
        names = [*features()]
        as_of = SPRING - timedelta(days=3, hours=5)
        equal(in_files(log, "spark", names, as_of), told(*names, as_of=as_of), names)


def test_spark_reckons_with_numbers_at_the_ends_of_the_range_as_postgresql_does(tmp_path: Path) -> None:
    with extremes(tmp_path) as log:
        assert in_files(log, "spark", [*OPERATIONS], SPRING) == told(*OPERATIONS, as_of=SPRING)


def taste(people: int, items: int, seed: int) -> tuple[training.History, list[frozenset[int]]]:
    """What people of eight kinds touched, and what they touch next: mostly what their kind likes, some of it often."""
    rng = np.random.default_rng(seed)
    rows, columns, weights, later = [], [], [], []
    own = rng.permutation(items).reshape(8, -1)
    popular = 1 / np.arange(1, items // 8 + 1) ** 0.7
    for person in range(people):
        liked = own[person % 8]
        some = rng.choice(liked, 12, replace=False, p=popular / popular.sum())
        noise = rng.choice(items, 3, replace=False)
        early = np.unique(np.concatenate([some[:8], noise]))
        rows += [person] * len(early)
        columns += early.tolist()
        weights += rng.integers(1, 9, len(early)).tolist()
        later.append(frozenset(some[8:].tolist()) - frozenset(early.tolist()))
    shape = (people, items)
    weight = sparse.csr_matrix((np.array(weights, dtype=np.float64), (rows, columns)), shape=shape)
    last = sparse.csr_matrix((np.arange(1, len(rows) + 1, dtype=np.float64), (rows, columns)), shape=shape)
    known = sparse.csr_matrix((np.ones(len(rows), dtype=np.float32), (rows, columns)), shape=shape)
    return training.History(weight, last, known), later


def test_factors_of_spark_recommend_as_well_as_those_of_implicit() -> None:
    history, later = taste(1_200, 400, seed=3)
    words = [[f"kind {n % 7}"] for n in range(400)]
    similar, kinds = training.alike(words), [frozenset(one) for one in words]
    found, offered = {}, {}
    for engine in ("implicit", "spark"):
        with als_by(engine, memory="2GB") as als:
            for alpha, regularisation in ((2.0, 10.0), (0.0, 3.0)):
                params = training.Params(factors=16, regularisation=regularisation, alpha=alpha, mix=(1.0, 0.0, 0.0))
                judged = training.judge(history, later, params, similar, kinds, als)
                found[engine, alpha] = judged["model"].ndcg, judged["popular"].ndcg
                fitted = training.fit(history.weight, params, als)
                lists = training.as_lists(fitted, similar, history, np.arange(200), params.mix)
                offered[engine, alpha] = [set(one.tolist()) for one in lists]
    for alpha in (2.0, 0.0):
        implicit, popular = found["implicit", alpha]
        assert implicit > 1.5 * popular
        assert found["spark", alpha][0] == pytest.approx(implicit, rel=0.1)
        pairs = zip(offered["implicit", alpha], offered["spark", alpha], strict=True)
        assert np.mean([len(one & other) / 10 for one, other in pairs]) > 0.6


@pytest.mark.django_db(transaction=True)
def test_a_run_by_spark_is_served_like_any_other(shop: Sender, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RECOMMENDATION_ENGINE = "spark"
    monkeypatch.setattr(training, "_REGULARISATION", (10.0,))
    monkeypatch.setattr(training, "_ALPHA", (2.0,))
    run()
    assert Recommender.objects.get(live=True).figures["engine"] == "spark"
    found = selectors.recommend(profile_id=shop.profile("u0"), count=5, now=clock.now())
    assert not found.fallback
    assert all(one.item.id.startswith("a") and not one.fallback for one in found.items)


def test_a_log_of_nobody_is_a_file_of_nobody(tmp_path: Path) -> None:
    services.export_log(tmp_path / "log", by="ann", now=SPRING, conn=pg.raw())
    assert in_files(tmp_path / "log", "spark", ["frequency", "usual_hour"], SPRING) == {}
    assert in_files(tmp_path / "log", "duckdb", ["frequency", "usual_hour"], SPRING) == {}
