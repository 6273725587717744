"""Spark gives the answer that DuckDB gives. Needs the extra `spark` and Java; minutes rather than seconds."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from cdp.environment import PROJECT_FOLDER
from identity.linkage import columns
from identity.linkage.bulk import frequencies, scoring
from identity.linkage.bulk.duck import DuckEngine
from identity.linkage.bulk.engine import Engine
from identity.linkage.bulk.linking import Linked, Linking
from identity.linkage.fields import Record, make_record
from identity.linkage.levels import comparisons_of
from identity.linkage.model import Model
from identity.linkage.start import start_rows
from tests.linkage.test_files import kill_in_training, link, rows, write
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


def test_a_table_may_be_made_of_itself_and_is_there_for_the_next_engine(tmp_path: Path) -> None:
    engine = SparkEngine(tmp_path)
    engine.load_rows("few", {"id": "int", "other:a job": "text"}, [(1, "poet"), (2, None)])
    for _ in range(2):
        engine.create("few", 'select id + 10 as id, "other:a job" from few union all select * from few')
    engine.create("gone", "select 1 as one")
    engine.drop("gone")
    # What a write that was killed leaves behind is no table.
    (tmp_path / "spark" / "few@9").mkdir()
    (tmp_path / "spark" / "half@1").mkdir()
    again = SparkEngine(tmp_path)
    found = again.fetch('select id, "other:a job" as job from few order by id')
    assert found["id"].tolist() == [1, 2, 11, 11, 12, 12, 21, 22]
    assert found["job"].tolist() == ["poet", None, "poet", "poet", None, None, "poet", None]
    again.create("few", "select * from few where id < 3")
    assert again.fetch("select count(*) as n from few")["n"].tolist() == [2]
    assert sorted(path.name for path in (tmp_path / "spark").iterdir()) == ["few@10", "half@1"]
    again.close()


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("two", [False, True])
def test_the_command_writes_the_file_that_duckdb_writes(tmp_path: Path, ending: str, two: bool) -> None:
    table = [row | {"Your job, please": row["first_name"][::-1] + row["town"]} for row in rows(250, twice=60)]
    parts = [[row for row in table if row["record_id"][0] == one] for one in "rs"] if two else [table]
    files = [write(tmp_path / f"people{n}.csv", part) for n, part in enumerate(parts)]
    written = []
    for engine in ("duckdb", "spark"):
        out, pairs = tmp_path / f"{engine}{ending}", tmp_path / f"{engine}-pairs.csv"
        link(*files, out=out, pairs=pairs, engine=engine)
        written.append((duckdb.sql(f"select * from '{out}'").fetchall(), duckdb.sql(f"from '{pairs}'").fetchall()))
    assert written[0][0] == written[1][0]
    assert len(written[0][1]) > 60
    likely = [{row[:4]: row[4:] for row in pairs} for _, pairs in written]
    assert likely[0].keys() == likely[1].keys()
    for pair, values in likely[0].items():
        assert list(values) == [pytest.approx(v, abs=1e-6) if isinstance(v, float) else v for v in likely[1][pair]]


@pytest.mark.processes
def test_a_run_that_is_killed_goes_on_in_its_folder(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", rows(400, twice=100))
    link(path, out=tmp_path / "whole.csv")
    words = ["link", str(path), "--out", str(tmp_path / "out.csv"), "--engine", "spark"]
    words += ["--work", str(tmp_path / "work")]
    kill_in_training(words)
    assert json.loads((tmp_path / "work" / "run" / "journal.json").read_text()).keys() == {"read", "block", "compare"}
    assert not (tmp_path / "out.csv").exists()
    command = [sys.executable, "manage.py", *words]
    again = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)
    assert not {"read", "block", "compare"}.intersection(line.strip() for line in again.stderr.splitlines())
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
