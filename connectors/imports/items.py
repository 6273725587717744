"""The items of each row of a slice: one, or several that stand each for itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from connectors.imports.contracts import FileMapping, ItemMapping, Made, Problem
from connectors.imports.mapping import RowMapper
from connectors.imports.presets import PresetMapper
from connectors.imports.reading import as_text

if TYPE_CHECKING:
    from connectors.imports.cells import Cells
    from connectors.imports.columns import Mapped, Numbered

_NOTHING = "none of its items has a group"


def mapper_for(mapping: FileMapping, header: Sequence[str]) -> ItemsMapper | PresetMapper:
    """What maps slices of a table."""
    return PresetMapper(mapping.preset, header) if mapping.preset else ItemsMapper(mapping, header)


class ItemsMapper:
    """Maps slices of rows to the items of a mapping.

    A row that one of its items cannot be made of is refused with all of them, so that it comes in whole once it is
    mended. Where a row becomes several, one that is of a group is not made of rows that name none.
    """

    def __init__(self, mapping: FileMapping, header: Sequence[str]) -> None:
        # pyarrow's 40 MB are for who reads files: whoever has rows one by one (`RowItems`) does without.
        from connectors.imports.columns import item_mapper

        self._maps = [(item_mapper(one, header), _group_column(one, mapping, header)) for one in mapping.items]
        self.items_a_row = len(mapping.items)
        self.blank: dict[str, int] = {}
        self.cases: dict[str, int] = {}
        self._count()

    def __call__(self, rows: Numbered, columns: Sequence[Cells] | None = None) -> Made:
        """Rows with their numbers in the file; `columns` are those of the rows that have the header's width."""
        told = [one(rows, columns) for one, _ in self._maps]
        made = _alone(told[0]) if len(told) == 1 else self._together(rows, told)
        self._count()
        return made

    def _together(self, rows: Numbered, told: Sequence[Mapped]) -> Made:
        problems = list(dict.fromkeys(one for _, _, said in told for one in said))
        refused = {one.row for one in problems if one.refused}
        made = Made(problems=[one for one in problems if one.refused or one.row not in refused])
        for (items, events, _), (_, group) in zip(told, self._maps, strict=True):
            for place, item in enumerate(items):
                if item is not None and rows[place][0] not in refused and _is_told(rows[place][1], group):
                    made.add(place, item, events[place])
        with_item = set(made.places)
        made.problems += [
            Problem(number, "", "", _NOTHING, refused=True)
            for place, (number, _) in enumerate(rows) if place not in with_item and number not in refused
        ]  # fmt: skip
        return made

    def _count(self) -> None:
        """Empty cells by column, which are the same whichever item counts them, and rows by case."""
        self.cases.clear()
        for one, _ in self._maps:
            self.blank.update(one.blank)
            for event, count in one.cases.items():
                self.cases[event] = self.cases.get(event, 0) + count


def _alone(told: Mapped) -> Made:
    """One item a row: those that could not be made are refused already."""
    items, events, problems = told
    held = [(place, item) for place, item in enumerate(items) if item is not None]
    return Made(
        [place for place, _ in held], [item for _, item in held], [events[place] for place, _ in held], problems
    )


class RowItems:
    """The same of one row at a time, as objects without a message id."""

    def __init__(self, mapping: FileMapping, header: Sequence[str]) -> None:
        self._maps = [(RowMapper(one, header), _group_column(one, mapping, header)) for one in mapping.items]

    def __call__(self, row_number: int, row: Sequence[Any]) -> tuple[list[dict[str, Any]], list[Problem]]:
        """The items of a row, and what is to be said of it; without an item, why it is refused."""
        told = [(*one.item(row_number, row), group) for one, group in self._maps]
        problems = list(dict.fromkeys(one for _, said, _ in told for one in said))
        refused = [one for one in problems if one.refused]
        if refused:
            return [], refused
        made = [item for item, _, group in told if item is not None and _is_told(row, group)]
        return made, problems if made else [Problem(row_number, "", "", _NOTHING, refused=True)]


def _group_column(one: ItemMapping, mapping: FileMapping, header: Sequence[str]) -> int | None:
    """Where in a row the group stands without which the item is not made."""
    if len(mapping.items) == 1:
        return None
    return next((header.index(column.name) for column in one.columns if column.to == "group_id"), None)


def _is_told(row: Sequence[Any], group: int | None) -> bool:
    return group is None or as_text(row[group]) != ""
