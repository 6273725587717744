"""What every engine that runs the SQL of a run can do."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt
import pyarrow as pa

from identity.linkage.bulk.dialects import Dialect

Columns = dict[str, npt.NDArray[Any]]


class Engine(Protocol):
    """Tables by name and SQL over them."""

    dialect: Dialect

    def create(self, name: str, select: str) -> None:
        """Make a table of a query, in the place of one of that name."""

    def scratch(self, name: str, select: str) -> None:
        """The same, of a table that nobody needs after the stage: what a killed run need not find again."""

    def load(self, name: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
        """Make a table of Arrow batches."""

    def load_rows(self, name: str, types: Mapping[str, str], rows: Sequence[Sequence[Any]]) -> None:
        """Make a small table."""

    def compare(self, pairs: str, comparisons: Sequence[str], name: str) -> None:
        """Make the table `name (l, r, pattern)` of the pairs (l, r) of another table."""

    def fetch(self, query: str) -> Columns:
        """The answer as one array a column; numbers that may be missing are floats with NaN."""

    def drop(self, name: str) -> None:
        """Forget a table."""

    def export(self, query: str, path: Path) -> None:
        """Write the answer to a file, CSV or Parquet by its ending."""

    def close(self) -> None:
        """Let go of everything."""
