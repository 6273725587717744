"""The quality report of a file: every column over all rows, whatever is in them."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.imports.concealing import conceal_columns
from connectors.imports.contracts import ColumnReport, NumbersReport
from connectors.imports.mapping import read_mapping
from connectors.imports.profiling import Profile
from connectors.imports.reading import detect, table
from connectors.imports.running import Judge

SHOP = Path(__file__).parents[4] / "shared" / "data" / "behaviour" / "online_retail_ii_2009_2010.csv.xz"


def profiled(cells: list[Any], *, decimal: str = ".", slices: int = 3) -> ColumnReport:
    profile = Profile(["x"], decimals={"x": decimal})
    for start in range(0, len(cells), slices):
        some = cells[start : start + slices]
        profile.add([[one] for one in some], list(range(start + 1, start + 1 + len(some))))
    return profile.report()[0]


def numbers_of(report: ColumnReport) -> NumbersReport:
    assert report.numbers is not None
    return report.numbers


def test_cells_are_told_apart_by_what_they_read_as() -> None:
    report = profiled(
        ["1", " 2.5 ", "", "-3e2", None, "1,234", "ja", "2026-01-31", "31.1.2026 10:00", "x", "+", "-", "12a"]
    )
    assert report.blank == 2
    assert report.kinds == {"number": 4, "text": 4, "date": 2, "boolean": 1}
    assert report.numbers is None, "a column in which numbers are some of many has no spread"
    assert profiled(["1,5", "1.234,5"], decimal=",").numbers is not None
    assert numbers_of(profiled(["1,5", "1.234,5"], decimal=",")).greatest == 1234.5


def test_cells_of_spreadsheets_and_bytes_that_are_no_text_are_looked_at_too() -> None:
    assert profiled([1, 2.0, 3.5, True, {"a": 1}]).kinds == {"number": 3, "boolean": 1, "text": 1}
    assert profiled(["a\udcff", "b"]).kinds == {"text": 2}


def test_what_lies_far_outside_is_counted_and_its_rows_are_named() -> None:
    found = numbers_of(profiled([str(n % 10) for n in range(100)] + ["500", "-400", "0"]))
    assert (found.lower, found.median, found.upper) == (2, 4, 7)
    assert (found.low_fence, found.high_fence, found.below, found.above) == (-13, 22, 1, 1)
    assert (found.negative, found.zero) == (1, 11)
    assert [(one.value, one.row) for one in found.extremes][:1] == [(-400, 102)]
    assert [(one.value, one.row) for one in found.extremes][-1:] == [(500, 101)]
    same = numbers_of(profiled(["7"] * 9 + ["8"]))
    assert (same.low_fence, same.above) == (None, 0), "without a spread nothing is far out"


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=60), st.integers(1, 7))
def test_however_a_column_is_sliced_quartiles_and_counts_are_those_of_all_its_numbers(
    numbers: list[int], slices: int
) -> None:
    found = numbers_of(profiled([str(one) for one in numbers], slices=slices))
    ordered = sorted(numbers)
    lower, middle, upper = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.25, 0.5, 0.75))
    assert (found.least, found.lower, found.median, found.upper, found.greatest) == (
        ordered[0], lower, middle, upper, ordered[-1]
    )  # fmt: skip
    spread = 3 * (upper - lower)
    expected = sum(one < lower - spread for one in ordered), sum(one > upper + spread for one in ordered)
    assert (found.below, found.above) == (expected if spread else (0, 0))
    assert (found.negative, found.zero) == (sum(one < 0 for one in ordered), Counter(ordered)[0])


def test_many_different_numbers_are_kept_to_three_digits() -> None:
    found = numbers_of(profiled([str(n + 0.25) for n in range(60_000)], slices=8_000))
    assert not found.exact
    assert found.median == pytest.approx(30_000, rel=0.005)
    assert (found.least, found.greatest) == (0.25, 59_999.25)


@pytest.mark.skipif(not SHOP.exists(), reason="the file of the British shop is not here")
def test_the_british_shop_is_told_in_one_pass() -> None:
    layout = detect(SHOP)
    kinds = {"Quantity": "number", "Price": "number"}
    places = {"Customer ID": "identifiers.user_id", "InvoiceDate": "timestamp"}
    with table(SHOP, layout) as opened:
        columns = [
            {"name": name, "to": places.get(name, f"properties.{name}"), "kind": kinds.get(name, "text")}
            for name in opened.header
        ]
        case = {"column": "Invoice", "starts_with": "C", "event": "Order Cancelled"}
        mapping = {"rows": "track", "event": "Order Completed", "columns": columns, "cases": [case]}
        judge = Judge(opened, read_mapping(mapping, opened.header))
        for _ in judge.slices():
            pass
    counts = judge.counts
    report = {one["name"]: one for one in counts.columns}
    assert (counts.rows, counts.duplicates) == (525_461, 6_865)
    assert counts.cases == {"Order Cancelled": 10_206}
    assert report["Customer ID"]["blank"] == counts.blank["Customer ID"] == 107_927
    quantity, price = report["Quantity"]["numbers"], report["Price"]["numbers"]
    assert (quantity["negative"], quantity["least"], quantity["greatest"]) == (12_326, -9_600, 19_152)
    assert (price["negative"], price["zero"], price["least"]) == (3, 3_687, -53_594.36)
    assert (quantity["above"], price["above"]) == (20_692, 13_054)
    assert report["Customer ID"]["numbers"] is None, "ids are no amounts"


def test_numbers_that_may_be_of_a_person_are_concealed() -> None:
    columns = [{"name": "Price", "numbers": {"least": 1}}, {"name": "Tel", "numbers": {"least": 4930123}}]
    mapping = {"columns": [{"name": "Price", "to": "properties.price"}, {"name": "Tel", "to": "traits.tel"}]}
    assert [one["numbers"] for one in conceal_columns(columns, mapping)] == [{"least": 1}, None]
