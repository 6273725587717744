"""The file of an export, written piece by piece: flat memory whatever the size."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import orjson

from connectors.destinations.files.rows import cell
from connectors.storage.services import Parts


class Writer(ABC):
    """Writes rows of text in the columns that it was made with."""

    def __init__(self, out: Parts, columns: Sequence[str]) -> None:
        self._out, self._columns = out, columns

    @abstractmethod
    def write(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Add rows."""

    def finish(self) -> None:  # noqa: B027 - most files end where their last row ends
        """Write what stands at the end of the file."""


class _Csv(Writer):
    def __init__(self, out: Parts, columns: Sequence[str]) -> None:
        super().__init__(out, columns)
        self._lines([columns])

    def write(self, rows: Sequence[Mapping[str, str]]) -> None:
        self._lines([[row[name] for name in self._columns] for row in rows])

    def _lines(self, lines: Sequence[Sequence[str]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
            [[cell(value) for value in line] for line in lines]
        )
        self._out.write(text.getvalue().encode())


class _Ndjson(Writer):
    def write(self, rows: Sequence[Mapping[str, str]]) -> None:
        self._out.write(b"".join(orjson.dumps(row) + b"\n" for row in rows))


class _Parquet(Writer):
    def __init__(self, out: Parts, columns: Sequence[str]) -> None:
        super().__init__(out, columns)
        import pyarrow as pa  # 30 MB that only who writes such files needs
        import pyarrow.parquet as pq

        self._from_rows = pa.Table.from_pylist
        self._schema = pa.schema([pa.field(name, pa.string()) for name in columns])
        self._file = pq.ParquetWriter(pa.PythonFile(out, mode="w"), self._schema, compression="zstd")

    def write(self, rows: Sequence[Mapping[str, str]]) -> None:
        if rows:
            self._file.write_table(self._from_rows(list(rows), schema=self._schema))

    def finish(self) -> None:
        self._file.close()


WRITERS: dict[str, type[Writer]] = {"csv": _Csv, "ndjson": _Ndjson, "parquet": _Parquet}
