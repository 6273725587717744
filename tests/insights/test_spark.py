"""Spark gives the features that PostgreSQL gives, and factors as good as those of implicit. Needs the extra `spark` and
Java; minutes rather than seconds."""

import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from insights.features.reading import features
from tests.insights.test_parquet_log import ZONES, a_log, equal, in_files
from tests.insights.world import SPRING, told

pytest.importorskip("pyspark", reason="pip install '.[spark]'")
if shutil.which("java") is None:
    pytest.skip("Java 17 or later is not installed", allow_module_level=True)

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


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("lines", [False, True])
def test_spark_gives_every_feature_that_postgresql_gives(zone: str, lines: bool) -> None:
    with a_log(a_life(random.Random(f"{zone} {lines}")), zone, {3}, lines) as log:
        names = [*features()]
        for as_of in (SPRING, SPRING - timedelta(days=33, hours=5)):
            equal(in_files(log, "spark", names, as_of), told(*names, as_of=as_of), names)


def test_a_log_of_nobody_is_a_file_of_nobody(tmp_path: Path) -> None:
    from common import pg
    from insights import services

    services.export_log(tmp_path / "log", by="ann", now=SPRING, conn=pg.raw())
    assert in_files(tmp_path / "log", "spark", ["frequency", "usual_hour"], SPRING) == {}
    assert in_files(tmp_path / "log", "duckdb", ["frequency", "usual_hour"], SPRING) == {}
