"""Rows of spreadsheets: the same values as openpyxl gives, in flat memory, and nothing that a hostile file wants."""

import datetime
import random
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from connectors.imports import reading, spreadsheets
from connectors.imports.contracts import UnreadableFile

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_LEAP_DAY = datetime.datetime.fromisoformat("2024-02-29T23:59:59")
_FORMATS = ("General", "0.00", "yyyy-mm-dd", "dd/mm/yy hh:mm", "[h]:mm:ss", "h:mm AM/PM", "@", '0" days"', "mmm-yy")


def read(path: Path) -> list[list[Any]]:
    with reading.table(path, reading.detect(path)) as opened:
        return [list(opened.header), *map(list, opened.rows)]


def by_openpyxl(path: Path) -> list[list[Any]]:
    book = load_workbook(path, read_only=True, data_only=True)
    rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    book.close()
    return [row for row in rows if any(cell is not None for cell in row)]


def value(rolls: random.Random) -> Any:
    return rolls.choice((
        lambda: None, lambda: rolls.randrange(-(10**12), 10**12), lambda: rolls.uniform(-1e6, 1e6), lambda: 1e-9,
        lambda: rolls.random() < 0.5, lambda: f"Zoë & <{rolls.randrange(99)}>\n\t\"x\" ", lambda: "  ", lambda: "=1+1",
        lambda: "_x000D_ 𝄞", lambda: datetime.date(1900, 1, 1) + datetime.timedelta(rolls.randrange(60_000)),
        lambda: _LEAP_DAY + datetime.timedelta(seconds=rolls.randrange(10**7)),
        lambda: datetime.time(rolls.randrange(24), 7, 1), lambda: datetime.timedelta(hours=rolls.randrange(90)),
    ))()  # fmt: skip


@pytest.mark.filterwarnings("ignore:Cell .* is marked as a date")
@pytest.mark.parametrize("seed", range(12))
def test_every_value_is_the_one_that_openpyxl_reads(tmp_path: Path, seed: int) -> None:
    rolls = random.Random(seed)
    book = Workbook()
    if seed % 3 == 0:
        book.epoch = CALENDAR_MAC_1904
    sheet = book.active
    assert sheet is not None
    width = rolls.randrange(1, 40)
    sheet.append([f"column {n}" for n in range(width)])
    for number in range(2, 80):
        if rolls.random() < 0.1:
            continue
        for column in range(1, width + 1):
            cell = sheet.cell(number, column)
            cell.value = value(rolls)
            if isinstance(cell.value, int | float) and rolls.random() < 0.5:
                cell.number_format = rolls.choice(_FORMATS)
    sheet.cell(90, 1).value = CellRichText("plain ", TextBlock(InlineFont(b=True), "and bold"), " ")
    book.save(tmp_path / "f.xlsx")
    assert read(tmp_path / "f.xlsx") == by_openpyxl(tmp_path / "f.xlsx")


def made(path: Path, sheet: str, texts: str = "") -> Path:
    """A workbook as programs write it that do without what can be left out: a size, addresses, styles."""
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    rels = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    packages = "http://schemas.openxmlformats.org/package/2006"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{packages}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{office}.sheet.main+xml"/>'
            f'<Override PartName="/xl/worksheets/s.xml" ContentType="{office}.worksheet+xml"/>'
            + (f'<Override PartName="/xl/texts.xml" ContentType="{office}.sharedStrings+xml"/>' if texts else "")
            + "</Types>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{packages}/relationships">'
            f'<Relationship Id="r1" Type="{rels}/worksheet" Target="worksheets/s.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{rels}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr("xl/worksheets/s.xml", sheet)
        if texts:
            archive.writestr("xl/texts.xml", texts)
    return path


def of_rows(rows: str, before: str = "") -> str:
    return f'<worksheet xmlns="{_MAIN}">{before}<sheetData>{rows}</sheetData><pageMargins left="1"/></worksheet>'


def inline(*cells: str) -> str:
    return "<row>" + "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells) + "</row>"


def test_a_sheet_without_size_or_addresses_is_read_and_short_rows_are_filled_up(tmp_path: Path) -> None:
    rows = inline("a", "b", "c") + inline("1") + "<row/>" + inline("2", "3") + "<row><c><v>4</v></c><c/><c/><c/></row>"
    path = made(tmp_path / "f.xlsx", of_rows(rows))
    assert read(path) == [["a", "b", "c"], ["1", None, None], ["2", "3", None], [4, None, None]]


def test_a_size_that_is_too_small_hides_nothing_and_one_that_is_larger_names_columns(tmp_path: Path) -> None:
    rows = inline("a", "b") + inline("1", "2")
    small = made(tmp_path / "small.xlsx", of_rows(rows, '<dimension ref="A1"/>'))
    assert read(small) == [["a", "b"], ["1", "2"]]
    large = made(tmp_path / "large.xlsx", of_rows(rows, '<dimension ref="A1:C2"/>'))
    assert read(large) == [["a", "b", "column 3"], ["1", "2", None]]
    whole = made(tmp_path / "whole.xlsx", of_rows(rows, '<dimension ref="A1:XFD1048576"/>'))
    assert read(whole) == [["a", "b"], ["1", "2"]]


def test_names_of_elements_may_have_a_prefix(tmp_path: Path) -> None:
    cell = '<x:c t="str"><x:v>a</x:v></x:c>'
    sheet = f'<x:worksheet xmlns:x="{_MAIN}"><x:sheetData><x:row>{cell}</x:row></x:sheetData></x:worksheet>'
    assert read(made(tmp_path / "f.xlsx", sheet)) == [["a"]]


def test_how_a_text_is_spoken_is_no_part_of_it(tmp_path: Path) -> None:
    texts = (
        f'<sst xmlns="{_MAIN}"><si><t>課</t><rPh sb="0" eb="1"><t>カ</t></rPh></si>'
        "<si><r><t>one </t></r><r><t>two</t></r></si><si/></sst>"
    )
    rows = (
        '<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row><row><c t="s"><v>2</v></c><c t="e"><v>#N/A</v></c></row>'
    )
    assert read(made(tmp_path / "f.xlsx", of_rows(rows), texts)) == [["課", "one two"], ["", "#N/A"]]


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("<row><c><v>x</v></c></row>", "no value of its kind"),
        ('<row><c t="s"><v>3</v></c></row>', "no value of its kind"),
        ('<row><c r="B1"><v>1</v></c><c r="A1"><v>1</v></c></row>', "out of order"),
        ('<row><c r="ZZZ1"><v>1</v></c></row>', "16,384"),
        ('<row><c r="?1"><v>1</v></c></row>', "column"),
        ("<row><c><v>1</v></row>", "damaged"),
        ("", "empty"),
    ],
)
def test_a_sheet_that_cannot_be_is_told(tmp_path: Path, rows: str, told: str) -> None:
    with pytest.raises(UnreadableFile, match=told):
        read(made(tmp_path / "f.xlsx", of_rows(rows)))


@pytest.mark.parametrize("part", ["sheet", "texts"])
def test_entities_are_refused(tmp_path: Path, part: str) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    sheet, texts = of_rows('<row><c t="s"><v>0</v></c></row>'), f'<sst xmlns="{_MAIN}"><si><t>&b;</t></si></sst>'
    path = made(
        tmp_path / "f.xlsx",
        bomb + of_rows(inline("&b;")) if part == "sheet" else sheet,
        bomb + texts if part == "texts" else f'<sst xmlns="{_MAIN}"><si><t>a</t></si></sst>',
    )
    with pytest.raises(UnreadableFile, match="entities"):
        read(path)


def test_entities_of_the_workbook_are_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "f.xlsx", of_rows(inline("a")))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/workbook.xml"] = b'<!DOCTYPE x [<!ENTITY a "aa">]>' + parts["xl/workbook.xml"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(UnreadableFile, match="damaged"):
        reading.detect(path)


def test_a_row_of_no_end_does_not_fill_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "_MOST_BETWEEN", 1_000_000)
    path = made(tmp_path / "f.xlsx", of_rows(inline("a") + "<row>" + "<c/>" * 500_000 + "</row>"))
    with pytest.raises(UnreadableFile, match="no end"):
        read(path)


def test_a_bomb_in_a_sheet_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_FREE_BYTES", 1_000)
    monkeypatch.setattr(reading, "_MOST_RATIO", 2)
    path = made(tmp_path / "f.xlsx", of_rows(inline("a") + inline("x") * 100_000))
    with pytest.raises(UnreadableFile, match="unpacks"):
        read(path)


def test_a_long_sheet_is_read_in_flat_memory(tmp_path: Path) -> None:
    path = made(tmp_path / "f.xlsx", of_rows(inline("a", "b", "c") + inline("x", "y", "z") * 60_000))
    tracemalloc.start()
    with reading.table(path, reading.detect(path)) as opened:
        count = sum(1 for _ in opened.rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    # A piece of the file and its rows; all rows would be six times that.
    assert peak < 4_000_000
