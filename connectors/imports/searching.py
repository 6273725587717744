"""Whether a kept file names somebody."""

from collections.abc import Sequence
from typing import Any

from connectors.imports.contracts import UnreadableFile
from connectors.imports.models import Import
from connectors.imports.reading import table
from connectors.imports.services import layout_of
from connectors.storage.services import on_disk, read_file

# Anything shorter is looked for as the whole of a cell.
_LONG = 6
_DIGITS = 9


def names_any(row: Import, values: Sequence[str]) -> bool:
    """Whether the file, or what was told of its rows, has one of these values in a cell. A file that cannot be read
    may; so it is said to."""
    wanted = [value.lower() for value in values]
    if row.problems_id and _in_text(b"".join(read_file(row.problems_id)).decode(errors="replace"), wanted):
        return True
    if not row.file_id:
        return False
    try:
        with on_disk(row.file_id) as path, table(path, layout_of(row)) as opened:
            return any(_in_cells(cells, wanted) for cells in opened.rows)
    except UnreadableFile:
        return True


def _in_text(text: str, wanted: Sequence[str]) -> bool:
    return any(_in_cells(line.split(","), wanted) or _in_cells([line], wanted) for line in text.splitlines())


def _in_cells(cells: Sequence[Any], wanted: Sequence[str]) -> bool:
    for cell in cells:
        text = str(cell).strip().strip('"').lower() if cell is not None else ""
        digits = "".join(filter(str.isdigit, text))
        for value in wanted:
            if text == value or (len(value) >= _LONG and value in text):
                return True
            if value.startswith("+") and len(value) > _DIGITS and value[1:] in digits:
                return True
    return False
