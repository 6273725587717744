"""The file of an export, written piece by piece: flat memory whatever the size."""

import csv
import io
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from connectors.destinations.files.rows import cell

Keep = Callable[[bytes], None]
PART_BYTES = 1_000_000


class Parts(io.RawIOBase):
    """A file that hands its content on in parts of about a megabyte. `size` is what was written so far."""

    def __init__(self, keep: Keep) -> None:
        self._keep, self._held, self.size = keep, bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(memoryview(data))  # type: ignore[arg-type]
        self._held += piece
        self.size += len(piece)
        while len(self._held) >= PART_BYTES:
            self._hand_on(PART_BYTES)
        return len(piece)

    def tell(self) -> int:
        return self.size

    def close(self) -> None:
        if not self.closed and self._held:
            self._hand_on(len(self._held))
        super().close()

    def _hand_on(self, size: int) -> None:
        self._keep(bytes(self._held[:size]))
        del self._held[:size]


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
        self._schema = pa.schema([pa.field(name, pa.string()) for name in columns])
        self._file = pq.ParquetWriter(pa.PythonFile(out, mode="w"), self._schema, compression="zstd")

    def write(self, rows: Sequence[Mapping[str, str]]) -> None:
        if rows:
            self._file.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def finish(self) -> None:
        self._file.close()


WRITERS: dict[str, type[Writer]] = {"csv": _Csv, "ndjson": _Ndjson, "parquet": _Parquet}
