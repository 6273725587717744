"""Files as tables: what kind of file it is, its header, and its rows one after another in flat memory. No Django."""

import bz2
import csv
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from xml.etree import ElementTree

import orjson

from connectors.imports.contracts import Layout, UnreadableFile

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

# What is looked at to tell encoding and delimiter.
_LOOKED_AT = 256 * 1024
_DELIMITERS = ",;\t|"
_MOST_COLUMNS = 1_000
_MOST_CELL = 1_000_000
# A packed file may be a bomb: more than this many times its size is not unpacked.
_MOST_RATIO, _FREE_BYTES = 200, 256 * 1024 * 1024

csv.field_size_limit(min(_MOST_CELL, sys.maxsize))


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns, each once, and the rows; a row may be shorter or longer than the header."""

    header: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


@contextmanager
def _told() -> Iterator[None]:
    """What the readers of the kinds of files raise, in words."""
    try:
        yield
    except UnicodeError as error:
        raise UnreadableFile("The file has another encoding. Choose it.") from error
    except (
        csv.Error,
        OSError,
        EOFError,
        zipfile.BadZipFile,
        lzma.LZMAError,
        zlib.error,
    ) as error:
        raise UnreadableFile(f"The file breaks off or is damaged: {error}.") from error
    # zipfile and openpyxl raise these for a member that is missing, an unknown way of packing, and a password.
    except (KeyError, ElementTree.ParseError, NotImplementedError, RuntimeError) as error:
        raise UnreadableFile("The archive or spreadsheet is damaged, or locked by a password.") from error


def detect(path: Path) -> Layout:
    """What kind of file it is, by its content alone. Raises UnreadableFile."""
    with _told():
        return _detect(path)


def _detect(path: Path) -> Layout:
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PK\x03\x04"):
        return _detect_zip(path)
    compression = _compression(start)
    if compression:
        return replace(_detect_text(path, compression), compression=compression)
    if start.startswith(b"PAR1"):
        return Layout("parquet", encoding="", delimiter="")
    return _detect_text(path, "")


def _compression(start: bytes) -> str:
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"\xfd7zXZ"):
        return "xz"
    return "bzip2" if start.startswith(b"BZh") else ""


def _detect_zip(path: Path) -> Layout:
    """An XLSX is a zip, too; any other zip must hold one file."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if "xl/workbook.xml" in names:
        from connectors.imports import spreadsheets  # it loads openpyxl

        sheets = tuple(spreadsheets.workbook(path).sheets)
        return Layout("xlsx", encoding="", delimiter="", sheet=sheets[0] if sheets else "", sheets=sheets)
    return replace(_detect_text(path, "zip"), compression="zip")


def _detect_text(path: Path, compression: str) -> Layout:
    with _unpacked(path, compression) as file:
        sample = file.read(_LOOKED_AT)
    if sample.startswith(b"PAR1"):
        raise UnreadableFile("Unpack the Parquet file first: it is compressed by itself.")
    encoding = _encoding(sample)
    text = sample.decode(encoding, errors="replace")
    if text.lstrip()[:1] == "{":
        return Layout("ndjson", encoding=encoding, delimiter="")
    if "\0" in text:
        raise UnreadableFile("This is no CSV, TSV, NDJSON, XLSX or Parquet file.")
    return Layout("csv", encoding=encoding, delimiter=_delimiter(text))


def _encoding(sample: bytes) -> str:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if sample.startswith(mark):
            return name
    try:
        # The sample may end within a character.
        sample[: -3 if len(sample) == _LOOKED_AT else None].decode()
    except UnicodeDecodeError as error:
        return "utf-8" if error.start >= len(sample) - 6 else "cp1252"
    return "utf-8"


def _delimiter(text: str) -> str:
    """The one that cuts most lines of the sample into the same number (of at least two) pieces."""
    lines = [line for line in text.splitlines()[:200] if line.strip()]
    if len(lines) > 1:
        lines = lines[:-1]

    def fit(delimiter: str) -> tuple[int, int]:
        sizes = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return (sum(size == sizes[0] for size in sizes), sizes[0]) if sizes and sizes[0] > 1 else (0, 0)

    return max(_DELIMITERS, key=fit)


@contextmanager
def table(path: Path, layout: Layout, *, also: Sequence[str] = ()) -> Iterator[Table]:
    """Open the file as a table. Raises UnreadableFile, also while the rows are read.

    `also`: further columns of NDJSON, whose first lines may not have all.
    """
    with _told(), ExitStack() as opened:
        header, rows = (
            _open_ndjson(path, layout, opened, also)
            if layout.kind == "ndjson"
            else _OPEN[layout.kind](path, layout, opened)
        )
        yield Table(_unique(header), rows)


def _open_csv(path: Path, layout: Layout, opened: ExitStack) -> tuple[Sequence[Any], Iterator[Sequence[Any]]]:
    raw = opened.enter_context(_unpacked(path, layout.compression))
    # Bytes that are no text become half surrogates, which the row is then refused for: nothing is changed silently.
    text = opened.enter_context(
        io.TextIOWrapper(raw, encoding=layout.encoding, errors="surrogateescape", newline="")
    )  # fmt: skip
    rows = csv.reader(text, delimiter=layout.delimiter or ",")
    header = next((row for row in rows if any(cell.strip() for cell in row)), None)
    if header is None:
        raise UnreadableFile("The file is empty.")
    return header, (row for row in rows if row)


def _open_ndjson(
    path: Path, layout: Layout, opened: ExitStack, also: Sequence[str]
) -> tuple[Sequence[Any], Iterator[Sequence[Any]]]:
    with _unpacked(path, layout.compression) as first:
        names = list(dict.fromkeys([*(name for line in _lines(first, 1_000) for name in line), *also]))
    raw = opened.enter_context(_unpacked(path, layout.compression))
    return names, ([line.get(name) for name in names] for line in _lines(raw, None))


def _lines(raw: IO[bytes], most: int | None) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(raw, 1):
        if not line.strip():
            continue
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise UnreadableFile(f"Line {number} is not JSON: {error}.") from error
        if not isinstance(found, dict):
            raise UnreadableFile(f"Line {number} is not a JSON object.")
        yield found
        if number == most:
            return


def _open_xlsx(path: Path, layout: Layout, opened: ExitStack) -> tuple[Sequence[Any], Iterator[Sequence[Any]]]:
    from connectors.imports import spreadsheets

    book = spreadsheets.workbook(path)
    if layout.sheet not in book.sheets:
        raise UnreadableFile(f"There is no sheet {layout.sheet!r}; there are {', '.join(book.sheets)}.")
    archive = opened.enter_context(zipfile.ZipFile(path))
    most = _most(path)
    rows = spreadsheets.rows(archive, book, layout.sheet, lambda part: io.BufferedReader(_Limited(part, most)))
    header = next(rows, None)
    if header is None:
        raise UnreadableFile("The sheet is empty.")
    return header, rows


def _open_parquet(path: Path, layout: Layout, opened: ExitStack) -> tuple[Sequence[Any], Iterator[Sequence[Any]]]:
    import pyarrow.parquet as pq  # 30 MB that only who reads such files needs

    try:
        file = opened.enter_context(pq.ParquetFile(path))
    except Exception as error:
        raise UnreadableFile("This Parquet file is damaged.") from error
    return file.schema_arrow.names, _parquet_rows(file)


def _parquet_rows(file: "ParquetFile") -> Iterator[Sequence[Any]]:
    for batch in file.iter_batches(batch_size=5_000):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


_OPEN = {"csv": _open_csv, "xlsx": _open_xlsx, "parquet": _open_parquet}


@contextmanager
def _unpacked(path: Path, compression: str) -> Iterator[IO[bytes]]:
    with ExitStack() as opened:
        if compression == "zip":
            archive = opened.enter_context(zipfile.ZipFile(path))
            names = [name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/")]
            packed = names != [] and all(name.endswith(".gz") for name in names)
            if len(names) != 1 and not packed:
                raise UnreadableFile(f"The archive holds {len(names)} files; pack one.")
            raw: Any = (
                _Chained(_unzipped(archive, sorted(names))) if packed else opened.enter_context(archive.open(names[0]))
            )
        elif compression:
            opener = {"gzip": gzip.open, "xz": lzma.open, "bzip2": bz2.open}[compression]
            raw = opened.enter_context(opener(path, "rb"))  # type: ignore[operator]
        else:
            raw = opened.enter_context(path.open("rb"))
        yield io.BufferedReader(_Limited(raw, _most(path))) if compression else raw


def _most(path: Path) -> int:
    """How many bytes a packed file may unpack to."""
    return max(path.stat().st_size * _MOST_RATIO, _FREE_BYTES)


def _unzipped(archive: zipfile.ZipFile, names: Sequence[str]) -> Iterator[bytes]:
    """Gzipped files of an archive, one after another, as exports of a day by the hour are packed."""
    for name in names:
        with archive.open(name) as packed, gzip.open(packed) as file:
            while piece := file.read(_LOOKED_AT):
                yield piece
        # The last line of a file may have no end.
        yield b"\n"


class _Chained(io.RawIOBase):
    """Pieces as one stream to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, b""

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        held = self._held or next(self._pieces, b"")
        taken, self._held = (held, b"") if size < 0 else (held[:size], held[size:])
        return taken


class _Limited(io.RawIOBase):
    """A stream that ends with an error where a packed file unpacks to more than it reasonably could."""

    def __init__(self, raw: IO[bytes], limit: int) -> None:
        self._raw, self._left = raw, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._raw.read(len(buffer))
        self._left -= len(piece)
        if self._left < 0:
            raise UnreadableFile("The file unpacks to far more than it should. Unpack it yourself and look at it.")
        buffer[: len(piece)] = piece
        return len(piece)


def _unique(header: Sequence[Any]) -> tuple[str, ...]:
    """Names that are each used once: `Name`, `Name (2)`; a column without one is `column 3`."""
    if len(header) > _MOST_COLUMNS:
        raise UnreadableFile(f"The file has {len(header)} columns; {_MOST_COLUMNS} are the most.")
    found: list[str] = []
    for place, name in enumerate(header, 1):
        plain = str(name if name is not None else "").encode(errors="replace").decode().strip() or f"column {place}"
        chosen, number = plain, 1
        while chosen in found:
            number += 1
            chosen = f"{plain} ({number})"
        found.append(chosen)
    return tuple(found)


def as_text(value: Any) -> str:
    """A cell as text; an empty one is "". Whole numbers of spreadsheets lose their `.0`."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime | date):
        return value.isoformat()
    return orjson.dumps(value, default=str).decode() if isinstance(value, dict | list) else str(value)
