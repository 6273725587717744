"""Ten million people linked once on this machine, in bounded memory.

`python benchmarks/linkage_large.py [--millions 10]`.

The base is made a million at a time (each of a seed of its own, all of one country, so names, streets and namesakes
grow with it; mailboxes, which no two people have, get a host of their own each time), written to one Parquet file as it
goes, and linked from nothing by `manage.py link`. Nothing runs beside it: Splink's run of a tenth of it
(`benchmarks/linkage.py --only scale --scale 1000000`) takes gigabytes already.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kit import population, processes
from kit.report import Report
from kit.services import isolated

PROJECT = Path(__file__).resolve().parent.parent
PART = 1_000_000
# Pairs of records that are together in the answer, in truth, and in both.
_GRADES = """
with told as (select cluster_id, truth from read_csv('{out}', all_varchar = true) join '{truth}' using (record_id)),
pairs(n) as (select sum(n * (n - 1) / 2) from (select count(*) as n from told group by cluster_id)),
true_pairs(n) as (select sum(n * (n - 1) / 2) from (select count(*) as n from told group by truth)),
right_pairs(n) as (select sum(n * (n - 1) / 2) from (select count(*) as n from told group by cluster_id, truth))
select right_pairs.n / pairs.n, right_pairs.n / true_pairs.n from pairs, true_pairs, right_pairs
"""


def make_part(folder: str, number: int, records: int, seed: int) -> None:
    """One part of the base as a Parquet file, and whose each record is; ids tell the part."""
    drawn = population.population(records, seed=seed + number)
    ids = pa.array([f"{number}-{name}" for name in drawn.table["record_id"].to_pylist()])
    table = drawn.table.set_column(0, "record_id", ids)
    place = table.column_names.index("email")
    table = table.set_column(place, "email", pc.replace_substring(table["email"], "@", f"@{number}."))
    pq.write_table(table, f"{folder}/part{number:03}.parquet")
    truth = pa.array([f"{number}-{person}" for person in drawn.truth.tolist()])
    pq.write_table(pa.table({"record_id": ids, "truth": truth}), f"{folder}/truth{number:03}.parquet")


def make_base(folder: Path, records: int, seed: int) -> Path:
    """The whole base as one file, with no more than one part in memory."""
    for number, start in enumerate(range(0, records, PART)):
        isolated(make_part, str(folder), number, min(PART, records - start), seed)
    path = folder / "people.parquet"
    parts = sorted(folder.glob("part*.parquet"))
    with pq.ParquetWriter(path, pq.read_schema(parts[0])) as writer:
        for part in parts:
            for batch in pq.ParquetFile(part).iter_batches():
                writer.write_batch(batch)
            part.unlink()
    return path


def link(path: Path, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the command says, and what it cost."""
    command = [sys.executable, "manage.py", "link", str(path), "--out", str(folder / "out.csv")]
    said, cost = processes.measured([*command, "--work", str(folder / "work"), "--format", "json"], cwd=PROJECT)
    return json.loads(said), cost


def main() -> int:
    """Print one JSON object; 1 when a row misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=float, default=10)
    parser.add_argument("--seed", type=int, default=7_100)
    parser.add_argument(
        "--folder", type=Path, help="where the base and the run's tables are written (about 3 GB a million)"
    )
    options = parser.parse_args()
    records = round(options.millions * PART)
    report = Report("linkage_large")
    with tempfile.TemporaryDirectory(prefix="cdp-bench-", dir=options.folder) as name:
        folder = Path(name)
        path = make_base(folder, records, options.seed)
        found, cost = link(path, folder)
        grades = _GRADES.format(out=folder / "out.csv", truth=folder / "truth*.parquet")
        precision, recall = duckdb.sql(grades).fetchall()[0]
    name = f"{found['records']:,} people"
    report.row(f"{name}: clusters, F1", 2 * precision * recall / (precision + recall), "share", least=0.985)
    report.row(f"{name}: clusters, precision", precision, "share", least=0.985)
    report.row(f"{name}: clusters, recall", recall, "share")
    report.row(f"{name}: processor time", cost["cpu_seconds"], "CPU s")
    report.row(f"{name}: wall time", cost["wall_seconds"], "s")
    report.row(f"{name}: peak memory", cost["peak_mib"], "MiB")
    return report.done()


if __name__ == "__main__":
    raise SystemExit(main())
