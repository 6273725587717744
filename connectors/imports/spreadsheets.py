"""XLSX: the sheets of a workbook and the rows of one, read as they are unpacked. No Django.

The workbook itself (its sheets, the calendar, which styles are dates) is openpyxl's to read. Its rows are not: openpyxl
keeps an element of every row that it has passed, reads a sheet that does not tell its size to its end before the first
row, and goes through XML in plain Python for the sake of safety. Here expat, which it stands on as well, tells of each
cell as it passes, and nothing of it is kept.
"""

import datetime
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from xml.parsers import expat

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import column_index_from_string
from openpyxl.utils.datetime import from_excel, from_ISO8601
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.xml.constants import SHARED_STRINGS, SHEET_MAIN_NS

from connectors.imports.contracts import UnreadableFile

_PIECE = 256 * 1024
# More than a row, a text or the head of a sheet ever has: what goes on for longer only fills memory.
_MOST_BETWEEN = 64 * 1024 * 1024
# Parts that are read whole, and the texts of all sheets, which are held while rows are read.
_MOST_PART, _MOST_TEXTS = 64 * 1024 * 1024, 256 * 1024 * 1024
# What a text costs beside its letters.
_A_TEXT = 60
_MOST_COLUMNS = 16_384
_DIGITS = "0123456789"


@dataclass(frozen=True, slots=True)
class Workbook:
    """The names of the sheets with the parts they are in, where the shared texts are, and what numbers stand for."""

    sheets: dict[str, str]
    texts: str
    epoch: datetime.datetime
    dates: frozenset[str]
    spans: frozenset[str]


def workbook(path: Path) -> Workbook:
    """What a workbook holds, without its rows. Raises what openpyxl and zipfile raise, and UnreadableFile."""
    with path.open("rb") as file:
        try:
            reader = ExcelReader(file, read_only=True, data_only=True, keep_links=False)
        except InvalidFileException as error:
            raise UnreadableFile(f"The file breaks off or is damaged: {error}.") from error
        with reader.archive as archive:
            for part in archive.infolist():
                rows_or_media = part.filename.startswith(("xl/worksheets/", "xl/media/", "xl/sharedStrings"))
                if part.file_size > _MOST_PART and not rows_or_media:
                    raise UnreadableFile(f"The part {part.filename} of the workbook is far larger than it should be.")
            try:
                reader.read_manifest()
                reader.read_workbook()
                apply_stylesheet(archive, reader.wb)
                found = {
                    sheet.name: rel.target
                    for sheet, rel in reader.parser.find_sheets()
                    if rel.target in reader.valid_files and "chartsheet" not in rel.Type
                }
            # openpyxl says so of every value that does not belong where it is, and defusedxml of entities.
            except (ValueError, TypeError, AttributeError) as error:
                raise UnreadableFile(f"The workbook is damaged: {error}.") from error
            texts = reader.package.find(SHARED_STRINGS)
    book = reader.wb
    return Workbook(
        sheets=found, texts=texts.PartName[1:] if texts is not None else "", epoch=book.epoch,
        dates=frozenset(map(str, book._date_formats)), spans=frozenset(map(str, book._timedelta_formats)),
    )  # fmt: skip


def rows(
    archive: zipfile.ZipFile, book: Workbook, sheet: str, guard: Callable[[IO[bytes]], IO[bytes]]
) -> Iterator[list[Any]]:
    """The rows of a sheet that hold anything, the first of them as wide as the sheet says that it is, and all others
    at least as wide as the first. `guard`: what a part is read through, against bombs. Raises UnreadableFile.
    """
    texts: list[str] = []
    if book.texts in archive.namelist():
        with archive.open(book.texts) as part:
            texts = _shared_texts(guard(part))
    reader = _Rows(book, texts)
    width = 0
    with archive.open(book.sheets[sheet]) as part:
        for found in _parsed(guard(part), reader):
            for row in found:
                if not width:
                    row.extend([None] * (reader.width - len(row)))
                    width = len(row)
                elif len(row) < width:
                    row.extend([None] * (width - len(row)))
                else:
                    while len(row) > width and row[-1] is None:
                        row.pop()
                yield row
            found.clear()


class _Part(ABC):
    """What is made of a part so far, by the handlers that expat calls; `done` once the rest of it does not matter."""

    __slots__ = ("aloud", "done", "found", "pieces", "within")

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.pieces: list[str] = []
        self.done = self.within = self.aloud = False

    @abstractmethod
    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    @abstractmethod
    def end(self, name: str) -> None:
        """An element ends."""

    def letters(self, data: str) -> None:
        """Some of a text."""
        if self.within:
            self.pieces.append(data)


def _parsed(part: IO[bytes], reader: _Part) -> Iterator[list[Any]]:
    """Feed a part through expat and hand over what came of each piece. Raises UnreadableFile."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.buffer_size = 32 * 1024
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.EntityDeclHandler = _no_doctype
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.letters
    since = 0
    try:
        while not reader.done:
            piece = part.read(_PIECE)
            parser.Parse(piece, not piece)
            since = 0 if reader.found else since + len(piece)
            if since > _MOST_BETWEEN:
                raise UnreadableFile("The spreadsheet has a row of no end. Save it as CSV.")
            yield reader.found
            if not piece:
                break
    except expat.ExpatError as error:
        raise UnreadableFile(f"The spreadsheet is damaged: {error}.") from error


def _no_doctype(*_: Any) -> None:
    raise UnreadableFile("The spreadsheet declares entities, which none needs. Save it anew.")


def _shared_texts(part: IO[bytes]) -> list[str]:
    kept: list[str] = []
    size = 0
    for found in _parsed(part, _Texts()):
        size += sum(map(len, found)) + _A_TEXT * len(found)
        if size > _MOST_TEXTS:
            raise UnreadableFile("The texts of the spreadsheet do not fit in memory. Save it as CSV.")
        kept.extend(found)
        found.clear()
    return kept


def _named(name: str) -> str:
    return f"{SHEET_MAIN_NS} {name}"


_CELL, _VALUE, _TEXT, _ROW, _ITEM = (_named(name) for name in ("c", "v", "t", "row", "si"))
_SPOKEN, _SHEET, _SIZE = (_named(name) for name in ("rPh", "sheetData", "dimension"))


class _Texts(_Part):
    """The texts of the table of texts: plain ones, and those in pieces of several styles; not how they are spoken."""

    __slots__ = ()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A text, or how one is spoken, begins."""
        if name == _TEXT:
            self.within = not self.aloud
        elif name == _SPOKEN:
            self.aloud = True

    def end(self, name: str) -> None:
        """A text is whole."""
        if name == _TEXT:
            self.within = False
        elif name == _ITEM:
            # As openpyxl does: a text like `_x000D_` is kept as it was written.
            self.found.append("".join(self.pieces).replace("x005F_", ""))
            self.pieces.clear()
        elif name == _SPOKEN:
            self.aloud = False


class _Rows(_Part):
    """The rows that hold anything, as lists from the first column on; `width` of the sheet as it tells itself."""

    __slots__ = ("_book", "_column", "_columns", "_date", "_inline", "_kind", "_row", "_style", "_texts", "width")

    def __init__(self, book: Workbook, texts: Sequence[str]) -> None:
        super().__init__()
        self.width = 0
        self._book, self._texts = book, texts
        self._date = lru_cache(4096)(self._as_date)
        self._row: list[Any] = []
        self._kind, self._style, self._column, self._inline = "n", "0", 0, False
        self._columns: dict[str, int] = {}

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """A cell, its value or its text begins, the most frequent first: this is called up to three times a cell."""
        if name == _CELL:
            self._kind, self._style = attributes.get("t", "n"), attributes.get("s", "0")
            self._inline = self._kind == "inlineStr"
            self._go_to(attributes.get("r"))
        elif name == _VALUE:
            self.within = not self._inline
        elif name == _TEXT:
            self.within = self._inline and not self.aloud
        elif name == _ROW:
            self._column = 0
        elif name == _SPOKEN:
            self.aloud = True
        elif name == _SIZE:
            self.width = _width(attributes.get("ref", ""))

    def end(self, name: str) -> None:
        """A cell, a row or all of them are whole."""
        if name in (_VALUE, _TEXT):
            self.within = False
        elif name == _CELL:
            if self.pieces:
                self._keep()
        elif name == _ROW:
            if self._row:
                self.found.append(self._row)
                self._row = []
        elif name == _SPOKEN:
            self.aloud = False
        elif name == _SHEET:
            self.done = True

    def _go_to(self, place: str | None) -> None:
        """To the column of an address, or the next one."""
        if place:
            letters = place.rstrip(_DIGITS)
            self._column = self._columns.get(letters) or self._columns.setdefault(letters, _column(letters))
        else:
            self._column += 1

    def _keep(self) -> None:
        """A cell that holds something, after the empty ones before it."""
        pieces, row = self.pieces, self._row
        raw = pieces[0] if len(pieces) == 1 else "".join(pieces)
        pieces.clear()
        gap = self._column - len(row) - 1
        if gap:
            _reach(row, gap)
        row.append(raw if self._inline else self._value(raw, self._kind, self._style))

    def _value(self, raw: str, kind: str, style: str) -> Any:
        """What openpyxl makes of it."""
        try:
            if kind == "s":
                return self._texts[int(raw)]
            if kind == "n":
                number = float(raw) if "." in raw or "e" in raw or "E" in raw else int(raw)
                return self._date(number, style) if style in self._book.dates else number
            if kind == "b":
                return bool(int(raw))
            return from_ISO8601(raw) if kind == "d" else raw
        except (ValueError, IndexError) as error:
            raise UnreadableFile(
                f"A cell of the spreadsheet is damaged: {raw[:50]!r} is no value of its kind."
            ) from error

    def _as_date(self, number: float, style: str) -> Any:
        try:
            return from_excel(number, self._book.epoch, timedelta=style in self._book.spans)
        # A number that no calendar reaches shows as this in a spreadsheet, too.
        except (OverflowError, ValueError):
            return "#VALUE!"


def _reach(row: list[Any], gap: int) -> None:
    """Fill up to a cell that comes after empty ones."""
    if gap < 0:
        raise UnreadableFile("The spreadsheet is damaged: the cells of a row are out of order.")
    row.extend([None] * gap)


def _column(letters: str) -> int:
    try:
        column = int(column_index_from_string(letters))
    except ValueError as error:
        raise UnreadableFile(f"The spreadsheet is damaged: it has a column {letters[:20]!r}.") from error
    if column > _MOST_COLUMNS:
        raise UnreadableFile(f"The spreadsheet has a column {letters}; {_MOST_COLUMNS:,} are the most.")
    return column


def _width(reference: str) -> int:
    """Columns from the first to the last of a range like `A1:F20`; 0 where it does not tell, or tells of all."""
    last = reference.rpartition(":")[2].replace("$", "").rstrip(_DIGITS)
    if not last:
        return 0
    width = _column(last)
    return width if width <= 1_000 else 0
