"""File drop: rows as bytes, names, and folders that cannot be left."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from common.http import AllowList, Http
from connectors.destinations.errors import Misconfigured, Temporary
from connectors.destinations.filedrop.destination import DropFile, filedrop, write_whole
from connectors.destinations.files import rows
from connectors.destinations.files.action import place_problems
from connectors.destinations.kit import Account, Delivered, Outside, Payload, default_mapping

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def payload(number: int, operation: Any = "add", **columns: Any) -> Payload:
    fields = {"key": {"profile_id": str(number)}, "columns": columns}
    return Payload(id=f"msg_{number}", operation=operation, fields=fields, at=NOW)


def outside(folder: Path, *, batch: str = "b1", mapping: Any = None) -> Outside:
    http = Http(allow=AllowList.of([]))
    return Outside(
        http=http, drop_folder=folder, now=NOW, batch=batch, run_id=3, mapping=mapping or default_mapping(DropFile())
    )


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+SUM(A1)", "'+SUM(A1)"),
        ("-2+3", "'-2+3"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        (" =1", "' =1"),
        ("+4479460000", "+4479460000"),
        ("-5.5", "-5.5"),
        ("plain", "plain"),
        ("a\0b", "ab"),
        (-5, -5),
        (1.5, 1.5),
        (True, "true"),
        (None, ""),
        (["=x"], '["=x"]'),
        ({"a": 1}, '{"a":1}'),
    ],
)
def test_no_cell_is_run_by_a_spreadsheet_and_numbers_stay_numbers(value: Any, cell: Any) -> None:
    assert rows.cell(value) == cell


def test_csv_comes_back_as_it_went_in(tmp_path: Path) -> None:
    text = 'He said "hi",\r\nand left; Zoë ✓'
    written = rows.as_csv([{"a": text, "b": 1}], ["a", "b", "c"])
    assert list(csv.DictReader(io.StringIO(written.decode(), newline=""))) == [{"a": text, "b": "1", "c": ""}]


def test_all_files_of_a_sync_have_the_same_columns() -> None:
    mapping = {"key": {"id": 1}, "columns": {"city": 1, "id": 2}}
    assert rows.header(mapping) == ["operation", "changed_at", "delivery_id", "id", "city"]


def test_a_batch_is_one_file_and_the_same_batch_again_is_the_same_file(tmp_path: Path) -> None:
    account = Account(id=1, settings={"folder": "crm/daily", "prefix": "vips", "format": "ndjson"})
    where = outside(tmp_path)
    verdicts = DropFile().perform_batch(where, account, [payload(1, city="Oslo"), payload(2, "remove")])
    assert [type(verdict) for verdict in verdicts] == [Delivered, Delivered]
    (file,) = (tmp_path / "crm" / "daily").iterdir()
    assert file.name == "vips-run000000003-b1.ndjson"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(line["operation"], line["profile_id"]) for line in lines] == [("add", "1"), ("remove", "2")]
    before = file.stat().st_mtime_ns
    DropFile().perform_batch(where, account, [payload(1, city="Oslo"), payload(2, "remove")])
    assert [f.stat().st_mtime_ns for f in (tmp_path / "crm" / "daily").iterdir()] == [before]


def test_another_batch_never_overwrites_a_file(tmp_path: Path) -> None:
    account = Account(id=1, settings={})
    for batch in ("b1", "b2"):
        DropFile().perform_batch(outside(tmp_path, batch=batch), account, [payload(1)])
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize(
    "folder", ["..", "../x", "a/../../x", "/etc", "a//b", ".", ".hidden", "a/.ssh", "a\\..\\b", "a\0b", "~root", "a/"]
)
def test_a_folder_that_leads_elsewhere_is_refused_when_it_is_entered(folder: str) -> None:
    assert place_problems({"folder": folder})


@pytest.mark.parametrize("folder", ["../x", "/tmp", "a/../../../x"])
def test_and_again_when_it_is_written_to(tmp_path: Path, folder: str) -> None:
    base = tmp_path / "base"
    with pytest.raises(Misconfigured):
        DropFile().perform_batch(outside(base), Account(id=1, settings={"folder": folder}), [payload(1)])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_link_that_leads_out_of_the_base_is_refused(tmp_path: Path) -> None:
    base, elsewhere = tmp_path / "base", tmp_path / "elsewhere"
    base.mkdir()
    elsewhere.mkdir()
    (base / "crm").symlink_to(elsewhere)
    with pytest.raises(Misconfigured):
        DropFile().perform_batch(outside(base), Account(id=1, settings={"folder": "crm/x"}), [payload(1)])
    assert list(elsewhere.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_nothing_half_done(tmp_path: Path) -> None:
    (tmp_path / "taken.csv").mkdir()
    with pytest.raises(Temporary):
        write_whole(tmp_path / "taken.csv", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]


@pytest.mark.parametrize("prefix", ["a/b", "..", "a b", "x" * 61, "a\n"])
def test_a_prefix_is_a_plain_word(prefix: str) -> None:
    assert place_problems({"prefix": prefix})


def test_the_test_of_an_account_writes_and_takes_away(tmp_path: Path) -> None:
    assert "crm" in filedrop.test(outside(tmp_path), Account(id=1, settings={"folder": "crm"}))
    assert list((tmp_path / "crm").iterdir()) == []


def test_a_folder_that_is_a_file_is_told_as_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "crm").write_text("x")
    with pytest.raises(Misconfigured):
        filedrop.test(outside(tmp_path), Account(id=1, settings={"folder": "crm"}))
