"""Spark as the engine of a bulk run: for bases that outgrow one machine. Needs the extra `spark` and Java 17 or later.

Tables are Parquet folders, so a run that was killed goes on. Spark's SQL has no Jaro-Winkler or Damerau-Levenshtein:
Spark brings the records to the pairs, and its tasks run DuckDB's query for the levels over them, a batch at a time.
On a cluster the folder must be one that every node sees, and every node needs this Python and these modules.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet

from common import spark
from identity.linkage.bulk import dialects
from identity.linkage.bulk.comparing import filled_lists, patterns_of
from identity.linkage.bulk.duck import write_file
from identity.linkage.bulk.engine import Columns
from identity.linkage.unreadable import UnreadableFile

# Pairs that a task compares at once.
_BATCH = 10_000


class SparkEngine:
    """Spark at `master`, else at CDP_SPARK_MASTER, else two threads of this machine."""

    dialect = dialects.SPARK

    def __init__(self, folder: Path, *, master: str | None = None, memory: str = spark.USUAL_MEMORY) -> None:
        self._tables = folder / "spark"
        self._tables.mkdir(parents=True, exist_ok=True)
        self._session = _session(master, memory)
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

    def scratch(self, name: str, select: str) -> None:
        """The same: tables are files here."""
        self.create(name, select)

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
        """Make the table `name (l, r, pattern)`: both records to each pair, and DuckDB's query over each batch."""
        query = patterns_of("batch p", comparisons, filled_lists(self), dialects.DUCKDB)
        columns = self._session.table("records").columns
        sides = ", ".join(f"{_struct(x, columns, query)} as {x}" for x in "ab")
        joined = self._session.sql(
            f"select p.l, p.r, {sides} from {pairs} p join records a on a.id = p.l join records b on b.id = p.r"
        )

        def patterns(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return run_on_batches(batches, query)

        self._write(name, joined.mapInArrow(patterns, "l long, r long, pattern long"))

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


def run_on_batches(batches: Iterator[pa.RecordBatch], query: str) -> Iterator[pa.RecordBatch]:
    """What DuckDB answers to a query over `batch`, for each batch; Spark gives a task one thread."""
    with duckdb.connect(config={"threads": 1}) as db:
        for batch in batches:
            db.register("batch", pa.Table.from_batches([batch]))
            yield from db.sql(query).to_arrow_table().to_batches()
            db.unregister("batch")


def _struct(side: str, columns: Sequence[str], query: str) -> str:
    """The columns of a side that the query names, as one value."""
    named = [column for column in columns if f"{side}.{column}" in query or f'{side}."{column}"' in query]
    return "struct(" + ", ".join(f'{side}."{column}"' for column in named) + ")"


def _array(column: pa.ChunkedArray) -> Any:
    if column.null_count and pa.types.is_floating(column.type):
        return column.to_numpy(zero_copy_only=False)
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()


def _name(folder: Path) -> str:
    return folder.name.rpartition("@")[0]


def _session(master: str | None, memory: str) -> Any:
    try:
        session = spark.session("cdp-linkage", master=master, memory=memory)
    except spark.NoSpark as error:
        raise UnreadableFile(str(error)) from error
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(_BATCH))
    return session
