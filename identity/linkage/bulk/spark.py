"""Spark as the engine of a bulk run: for bases that outgrow one machine. Needs the extra `spark` and Java 17 or later.

Tables are Parquet folders, so a run that was killed goes on. What Spark's SQL lacks, Jaro-Winkler and
Damerau-Levenshtein, is rapidfuzz's on UTF-8 bytes, as everywhere: candidates are compared by the same code as in the
Celery tasks, a partition at a time.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from identity.linkage.bulk import expressions
from identity.linkage.bulk.engines import Columns, write_file
from identity.linkage.files_door import UnreadableFile
from identity.linkage.terms import LIST_OF

_PROJECT = Path(__file__).resolve().parents[3]
# Rows of a partition that one task compares at once.
_BATCH = 50_000


class SparkEngine:
    """Spark at `master`, else at CDP_SPARK_MASTER, else two threads of this machine."""

    dialect = expressions.SPARK

    def __init__(self, folder: Path, *, master: str | None = None) -> None:
        self._tables = folder / "spark"
        self._tables.mkdir(parents=True, exist_ok=True)
        self._session = _session(master or os.environ.get("CDP_SPARK_MASTER") or "local[2]")
        for old in sorted(self._tables.iterdir()):
            if (old / "_SUCCESS").exists():
                self._show(_name(old))

    def _place(self, name: str) -> Path:
        return self._tables / name

    def _show(self, name: str) -> None:
        self._session.read.parquet(str(self._latest(name))).createOrReplaceTempView(name)

    def _latest(self, name: str) -> Path:
        versions = sorted(self._tables.glob(f"{name}@*"), key=lambda path: int(path.name.rpartition("@")[2]))
        return next(path for path in reversed(versions) if (path / "_SUCCESS").exists())

    def _write(self, name: str, frame: Any) -> None:
        """Write a new version beside the old one, which the query may still read, and show it."""
        old = list(self._tables.glob(f"{name}@*"))
        number = 1 + max((int(path.name.rpartition("@")[2]) for path in old), default=0)
        frame.write.mode("overwrite").parquet(str(self._place(f"{name}@{number}")))
        self._show(name)
        for path in old:
            shutil.rmtree(path, ignore_errors=True)

    def create(self, name: str, select: str) -> None:
        """Make a table of a query, in the place of one of that name."""
        self._write(name, self._session.sql(select))

    def load(self, name: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of Arrow batches, by way of one Parquet file."""
        place = self._place(f"incoming-{name}")
        place.mkdir(exist_ok=True)
        with pyarrow.parquet.ParquetWriter(place / "part.parquet", schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
        self._write(name, self._session.read.parquet(str(place)))
        shutil.rmtree(place)

    def load_rows(self, name: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Make a small table."""
        arrow = {"int": pa.int64(), "double": pa.float64(), "text": pa.string()}
        columns = list(zip(*rows, strict=True)) or [()] * len(types)
        arrays = [pa.array(column, arrow[kind]) for column, kind in zip(columns, types.values(), strict=True)]
        table = pa.table(dict(zip(types, arrays, strict=True)))
        self.load(name, table.to_batches(), table.schema)

    def load_arrow(self, name: str, table: pa.Table) -> None:
        """Make a table of an Arrow table."""
        self.load(name, table.to_batches(), table.schema)

    def compare(self, pairs: str, comparisons: Sequence[str], name: str) -> None:
        """Make the table `name (l, r, pattern)`: both records to each pair, and a partition compared at a time."""
        wanted = _wanted(comparisons)
        sides = ", ".join(f'{x}."{column}" as "{x}_{column}"' for x in "ab" for column in wanted)
        joined = self._session.sql(
            f"select p.l, p.r, {sides} from {pairs} p join records a on a.id = p.l join records b on b.id = p.r"
        )

        def levels(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield compare_batch(batch, comparisons)

        self._write(name, joined.mapInArrow(levels, "l long, r long, pattern long"))

    def fetch(self, query: str) -> Columns:
        """The answer as one array a column; what may be missing is NaN."""
        table = self._session.sql(query).toArrow()
        return {name: _array(table.column(name)) for name in table.column_names}

    def export(self, query: str, path: Path) -> None:
        """Write the answer to one file, CSV or Parquet by its ending; the file is there whole or not at all."""
        db = duckdb.connect()
        db.register("answer", self._session.sql(query).toArrow())
        write_file(db, "select * from answer", path)

    def drop(self, name: str) -> None:
        """Forget a table."""
        self._session.catalog.dropTempView(name)
        for path in self._tables.glob(f"{name}@*"):
            shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Let go of the session."""
        self._session.stop()


def compare_batch(batch: pa.RecordBatch, comparisons: Sequence[str]) -> pa.RecordBatch:
    """The patterns of a batch of pairs with the columns of both records (`a_` and `b_`)."""
    from identity.linkage import comparing
    from identity.linkage.bulk.comparing import pack
    from identity.linkage.bulk.with_recordlinkage import texts

    count = batch.num_rows
    frame = {
        column: np.concatenate([_side(batch, x, column, texts) for x in "ab"])
        for column in comparing.needed_columns(comparisons)
    }
    places = np.column_stack([np.arange(count), np.arange(count, 2 * count)])
    patterns = pack(comparing.compare_frame(frame, places, comparisons))
    return pa.RecordBatch.from_arrays(
        [batch.column("l"), batch.column("r"), pa.array(patterns, pa.int64())], names=["l", "r", "pattern"]
    )


def _side(batch: pa.RecordBatch, x: str, column: str, texts: Any) -> Any:
    """A column of one side; a list is kept only where it says more than the single value beside it."""
    values = batch.column(f"{x}_{column}").to_pylist()
    if column in LIST_OF:
        single = batch.column(f"{x}_{LIST_OF[column]}").to_pylist()
        values = [
            many if many is not None else [one] if one else None for many, one in zip(values, single, strict=True)
        ]
    return texts(values)


def _wanted(comparisons: Sequence[str]) -> list[str]:
    from identity.linkage import comparing

    needed = comparing.needed_columns(comparisons)
    return list(dict.fromkeys([*needed, *(LIST_OF[column] for column in needed if column in LIST_OF)]))


def _array(column: pa.ChunkedArray) -> Any:
    if column.null_count and pa.types.is_floating(column.type):
        return column.to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()


def _name(folder: Path) -> str:
    return folder.name.rpartition("@")[0]


def _session(master: str) -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise UnreadableFile(
            "the Spark engine needs its extra: pip install '.[spark]', and Java 17 or later"
        ) from error
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise UnreadableFile("the Spark engine needs Java 17 or later: install it, or set JAVA_HOME")
    # Spark's own workers run this Python with these modules; on a cluster both must be there, or be sent along.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_PROJECT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    builder = SparkSession.builder.appName("cdp-linkage").master(master)
    options = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.ansi.doubleQuotedIdentifiers": "true",
        "spark.sql.shuffle.partitions": "8",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(_BATCH),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    for name, value in options.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
