"""Spark gives the answer that DuckDB gives. Needs the extra `spark` and Java; minutes rather than seconds."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from identity.linkage import columns
from identity.linkage.bulk import frequencies, scoring
from identity.linkage.bulk.engines import DuckEngine, Engine
from identity.linkage.bulk.linking import Linked, Linking
from identity.linkage.fields import Record, make_record
from identity.linkage.levels import comparisons_of
from identity.linkage.model import Model
from identity.linkage.start import start_rows
from tests.linkage.test_parity import people
from tests.linkage.test_training import homes, person

pytest.importorskip("pyspark", reason="pip install '.[spark]'")
if shutil.which("java") is None:
    pytest.skip("Java 17 or later is not installed", allow_module_level=True)

from identity.linkage.bulk.spark import SparkEngine  # noqa: E402

pytestmark = pytest.mark.slow


def weights(engine: Engine, records: list[Record], pairs: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Patterns and weights of pairs under the start values."""
    names = comparisons_of(["job"])
    model = Model(comparisons=names, probabilities=start_rows(names))
    engine.load("records", [columns.batch(range(len(records)), 0, records, ["job"])], columns.schema(["job"]))
    engine.load_rows("pairs", {"l": "int", "r": "int"}, pairs)
    engine.compare("pairs", names, "compared")
    frequencies.count_holders(engine, model.terms, entities=None)
    scoring.score(engine, "compared", model, base=len(records), name="scored")
    found = engine.fetch("select pattern, weight from scored order by l, r")
    engine.close()
    return found["pattern"], found["weight"]


def test_levels_and_weights_are_those_of_duckdb(tmp_path: Path) -> None:
    records = people(1_000, seed=8)
    drawn = np.sort(np.random.default_rng(1).integers(0, len(records), (6_000, 2)), axis=1)
    pairs = np.unique(drawn[drawn[:, 0] < drawn[:, 1]], axis=0).tolist()
    duck = weights(DuckEngine(tmp_path / "duck"), records, pairs)
    spark = weights(SparkEngine(tmp_path / "spark"), records, pairs)
    assert np.array_equal(duck[0], spark[0])
    assert np.abs(duck[1] - spark[1]).max() < 1e-6


def base(count: int) -> list[Record]:
    """About so many records: households, a fifth of whose people are there twice."""
    rng = random.Random(12)
    records = []
    while len(records) < count:
        for record in homes(rng, 100):
            records.append(record)
            if rng.random() < 0.2:
                again = person(rng, given=record.given, surname=record.surname, birth_date=record.birth_date)
                records.append(make_record(again))
    return records


def linked(engine: Engine, folder: Path, records: list[Record]) -> Linked:
    """Trained and linked from nothing."""
    found = Linking(engine, folder).run([columns.batch(range(len(records)), 0, records)])
    engine.close()
    return found


def test_20_000_people_fall_into_the_same_clusters(tmp_path: Path) -> None:
    records = base(20_000)
    duck = linked(DuckEngine(tmp_path / "duck"), tmp_path / "duck", records)
    spark = linked(SparkEngine(tmp_path / "spark"), tmp_path / "spark", records)
    assert len(duck.clusters) > 5_000
    assert spark.clusters == duck.clusters
    assert spark.model.pairs_a_record["M"] == pytest.approx(duck.model.pairs_a_record["M"], rel=1e-9)
