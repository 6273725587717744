"""DuckDB in a file, with a limit of memory beyond which it spills to disk."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from identity.linkage.bulk import dialects
from identity.linkage.bulk.comparing import compare_in_sql
from identity.linkage.bulk.engine import Columns
from identity.linkage.unreadable import UnreadableFile


class DuckEngine:
    """DuckDB. Tables live in `folder`, so a run that was killed goes on where it stopped."""

    dialect = dialects.DUCKDB

    def __init__(self, folder: Path, *, memory: str = "2GB", threads: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._db = duckdb.connect(str(folder / "linkage.duckdb"))
        except duckdb.IOException as error:
            if "lock" not in str(error):
                raise
            told = f"another run works in {folder}: wait until it has ended, or take another folder"
            raise UnreadableFile(told) from error
        try:
            self._db.execute(f"set memory_limit = '{memory}'")
        except duckdb.ParserException as error:
            raise UnreadableFile(f"{memory} is no amount of memory: write 2GB, or 900MB") from error
        self._db.execute(f"set temp_directory = '{folder / 'spill'}'")
        self._db.execute("set preserve_insertion_order = false")
        if threads:
            self._db.execute(f"set threads = {threads}")

    def create(self, name: str, select: str) -> None:
        """Make a table of a query, in the place of one of that name."""
        self._db.execute(f'create or replace table "{name}" as {select}')

    def scratch(self, name: str, select: str) -> None:
        """The same in memory, which spills to disk when it is full: it is neither compressed nor written down."""
        self._db.execute(f'create or replace temp table "{name}" as {select}')

    def load(self, name: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of Arrow batches, one after the other."""
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        self._db.register("incoming", reader)
        self._db.execute(f'create or replace table "{name}" as select * from incoming')
        self._db.unregister("incoming")

    def load_rows(self, name: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Make a small table."""
        columns = list(zip(*rows, strict=True)) or [()] * len(types)
        arrow = {"int": pa.int64(), "double": pa.float64(), "text": pa.string()}
        arrays = [pa.array(column, arrow[kind]) for column, kind in zip(columns, types.values(), strict=True)]
        self.load_arrow(name, pa.table(dict(zip(types, arrays, strict=True))))

    def load_arrow(self, name: str, table: pa.Table) -> None:
        """Make a table of an Arrow table."""
        self.load(name, table.to_batches(), table.schema)

    def compare(self, pairs: str, comparisons: Sequence[str], name: str) -> None:
        """Make the table `name (l, r, pattern)` by generated SQL."""
        compare_in_sql(self, pairs, comparisons, name)

    def fetch(self, query: str) -> Columns:
        """The answer as one array a column; what may be missing is NaN."""
        return {name: _plain(column) for name, column in self._db.execute(query).fetchnumpy().items()}

    def arrow(self, query: str) -> pa.Table:
        """The answer as an Arrow table."""
        return self._db.sql(query).to_arrow_table()

    def drop(self, name: str) -> None:
        """Forget a table."""
        self._db.execute(f'drop table if exists "{name}"')

    def export(self, query: str, path: Path) -> None:
        """Write the answer to a file, CSV or Parquet by its ending; the file is there whole or not at all."""
        write_file(self._db, query, path)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()


def write_file(db: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
    """Write the answer to a file, CSV or Parquet by its ending; the file is there whole or not at all."""
    kind = "parquet" if path.suffix.lower() == ".parquet" else "csv, header"
    fresh = path.with_name(f".{path.name}.new")
    quoted = str(fresh).replace("'", "''")
    db.execute(f"copy ({query}) to '{quoted}' (format {kind})")
    fresh.replace(path)


def _plain(column: Any) -> npt.NDArray[Any]:
    """A fetched column without its mask: numbers that may be missing become floats with NaN, texts stay objects."""
    if not isinstance(column, np.ma.MaskedArray) or not column.mask.any():
        return np.asarray(column)
    values: npt.NDArray[Any] = (
        np.ma.filled(column.astype(float), np.nan) if column.dtype != object else np.array(column)
    )
    return values
