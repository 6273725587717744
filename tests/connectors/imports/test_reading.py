"""Files of every kind read as the same table, and files that cannot be read told in words."""

import bz2
import gzip
import lzma
import zipfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from connectors.imports.contracts import Layout, UnreadableFile
from connectors.imports.reading import as_text, detect, table

HEADER = ["Kunde", "Name", "Betrag"]
ROWS = [["1", 'Jürgen "J." Groß', "1,5"], ["2", "Zoë; Ann\nMae", "2"], ["3", "", "-3"]]


def as_csv(delimiter: str, encoding: str) -> bytes:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    return "\r\n".join(delimiter.join(map(cell, row)) for row in [HEADER, *ROWS]).encode(encoding)


def as_xlsx(path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [HEADER, *ROWS]:
        sheet.append(row)
    book.save(path)


def read(path: Path, layout: Layout | None = None) -> tuple[list[str], list[list[str]]]:
    with table(path, layout or detect(path)) as opened:
        return list(opened.header), [[as_text(cell) for cell in row] for row in opened.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_text_is_read_whatever_its_encoding_and_delimiter(tmp_path: Path, delimiter: str, encoding: str) -> None:
    (tmp_path / "f").write_bytes(as_csv(delimiter, encoding))
    assert read(tmp_path / "f") == (HEADER, ROWS)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_packed_files_are_unpacked_by_what_they_are(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    (tmp_path / "odd-name").write_bytes(pack(as_csv(";", "cp1252")))
    assert read(tmp_path / "odd-name") == (HEADER, ROWS)


def test_a_zip_holds_one_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "one.zip", "w") as archive:
        archive.writestr("in/rows.csv", as_csv(",", "utf-8"))
    assert read(tmp_path / "one.zip") == (HEADER, ROWS)
    with zipfile.ZipFile(tmp_path / "one.zip", "a") as archive:
        archive.writestr("more.csv", b"a,b")
    with pytest.raises(UnreadableFile, match="2 files"):
        detect(tmp_path / "one.zip")


def test_spreadsheets_json_lines_and_parquet_are_the_same_table(tmp_path: Path) -> None:
    as_xlsx(tmp_path / "f.xlsx")
    lines = [orjson.dumps(dict(zip(HEADER, row, strict=True))) for row in ROWS]
    (tmp_path / "f.ndjson").write_bytes(b"\n".join(lines) + b"\n\n")
    pq.write_table(pa.Table.from_pylist([dict(zip(HEADER, row, strict=True)) for row in ROWS]), tmp_path / "f.parquet")
    for name in ("f.xlsx", "f.ndjson", "f.parquet"):
        assert read(tmp_path / name) == (HEADER, ROWS), name


def test_a_sheet_is_chosen_by_its_name(tmp_path: Path) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.append(["a"])
    second = book.create_sheet("People")
    second.append(["email"])
    second.append([datetime.fromisoformat("2026-03-01T10:00:00")])
    book.save(tmp_path / "f.xlsx")
    layout = detect(tmp_path / "f.xlsx")
    assert layout.sheets == ("Sheet", "People")
    assert read(tmp_path / "f.xlsx", Layout("xlsx", sheet="People")) == (["email"], [["2026-03-01T10:00:00"]])
    with pytest.raises(UnreadableFile, match="no sheet"):
        read(tmp_path / "f.xlsx", Layout("xlsx", sheet="None"))


def test_columns_have_a_name_each(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("a,a,,a (2)\n1,2,3,4\n", encoding="utf-8")
    assert read(tmp_path / "f")[0] == ["a", "a (2)", "column 3", "a (2) (2)"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"), (b"\n\n \n", "empty"), (b"\x7fELF\0\0\0", "no CSV"), (b'{"a": 1}\n[2]\n', "not a JSON object"),
        (b'{"a": 1}\n{"a"\n', "Line 2"), (gzip.compress(b"a,b\n1,2\n" * 5000, mtime=0)[:-20], "breaks off"),
        (b"PK\x03\x04 nothing", "damaged"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "f").write_bytes(content)
    with pytest.raises(UnreadableFile, match=told):
        read(tmp_path / "f")


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.imports.reading._FREE_BYTES", 1_000_000)
    (tmp_path / "f").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 3_000_000))
    with pytest.raises(UnreadableFile, match="far more"):
        read(tmp_path / "f")


_STARTS = [
    b"PK\x03\x04",
    b"PAR1",
    gzip.compress(b"a,b", mtime=0)[:12],
    b"\xfd7zXZ\0",
    b"BZh9",
    b"{",
    b"\xff\xfe",
    b'"a";"b"\n',
]


@settings(deadline=None, max_examples=150)
@given(
    content=st.one_of(
        st.binary(max_size=400), st.builds(bytes.__add__, st.sampled_from(_STARTS), st.binary(max_size=60))
    )
)
def test_no_content_whatever_breaks_the_reader(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "f"
    path.write_bytes(content)
    with suppress(UnreadableFile):
        read(path)
