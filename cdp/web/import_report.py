"""The quality report of a file as a person reads it: a line for each column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.contracts import FileCounts, items_given
from connectors.selectors import conceal_columns


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One column. Shares are per cent of all rows; `kinds` are (what it reads as, cells), the most frequent first."""

    name: str
    to: str
    blank: int
    blank_share: float
    kinds: Sequence[tuple[str, int]]
    spread: str
    low: str
    high: str
    below: int
    above: int
    negative: int
    zero: int
    ends: str
    exact: bool


def report_lines(counts: FileCounts | None, mapping: Mapping[str, Any], *, is_open: bool) -> list[ReportLine]:
    """The columns of a file that was counted or came in; `is_open` when personal data may be seen."""
    if counts is None:
        return []
    places: dict[str, list[str]] = {}
    for item in items_given(mapping):
        for one in item.get("columns") or ():
            places.setdefault(one["name"], []).append(one["to"])
    columns = counts.columns if is_open else conceal_columns(counts.columns, mapping)
    return [_line(one, ", ".join(dict.fromkeys(places.get(one["name"], ()))), counts.rows) for one in columns]


def _line(one: Mapping[str, Any], to: str, rows: int) -> ReportLine:
    numbers = one["numbers"] or {}
    extremes = numbers.get("extremes", [])
    return ReportLine(
        name=one["name"], to=to, blank=one["blank"], blank_share=100 * one["blank"] / max(rows, 1),
        kinds=sorted(one["kinds"].items(), key=lambda kind: -kind[1]),
        spread=" · ".join(_short(numbers[key]) for key in ("least", "lower", "median", "upper", "greatest"))
        if numbers else "",
        low=_short(numbers.get("low_fence")), high=_short(numbers.get("high_fence")),
        below=numbers.get("below", 0), above=numbers.get("above", 0), negative=numbers.get("negative", 0),
        zero=numbers.get("zero", 0), exact=numbers.get("exact", True),
        ends=", ".join(f"{_short(end['value'])} (row {end['row']:,})" for end in extremes),
    )  # fmt: skip


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.6g}"
