"""A campaign's graph as a picture: where boxes and lines are. Pure; the same list of steps is beside it as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 52, 30, 54, 10


@dataclass(frozen=True, slots=True)
class Box:
    """A step."""

    id: str
    title: str
    told: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.x + WIDTH // 2

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def title_y(self) -> int:
        return self.y + 22

    @property
    def told_y(self) -> int:
        return self.y + 40


@dataclass(frozen=True, slots=True)
class Line:
    """A way from a step to another."""

    path: str
    label: str
    x: int
    y: int
    anchor: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The picture."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    width: int
    height: int


def drawn(
    steps: Sequence[Mapping[str, Any]], ways: Mapping[str, Sequence[tuple[str, str]]], told: Mapping[str, str]
) -> Flow:
    """Boxes in rows by how far they are from the first step, lines from each to the next ones. `steps` are in an order
    in which each comes after those that lead to it; `ways` are (label, id of the next one) by step."""
    rank: dict[str, int] = {}
    for step in steps:
        here = rank.setdefault(step["id"], 0)
        for _, target in ways[step["id"]]:
            if target:
                rank[target] = max(rank.get(target, 0), here + 1)
    rows: dict[int, list[Mapping[str, Any]]] = {}
    for step in steps:
        rows.setdefault(rank[step["id"]], []).append(step)
    widest = max((len(row) for row in rows.values()), default=1)
    width = 2 * MARGIN + widest * (WIDTH + GAP_X) - GAP_X
    boxes: dict[str, Box] = {}
    for row, some in rows.items():
        left = (width - len(some) * (WIDTH + GAP_X) + GAP_X) // 2
        for column, step in enumerate(some):
            boxes[step["id"]] = Box(
                step["id"], _short(step["title"]), _short(told.get(step["id"], "")), left + column * (WIDTH + GAP_X),
                MARGIN + row * (HEIGHT + GAP_Y),
            )  # fmt: skip
    lines = [line for name, box in boxes.items() for line in _lines(box, ways[name], boxes)]
    height = 2 * MARGIN + len(rows) * (HEIGHT + GAP_Y) - GAP_Y
    return Flow(tuple(boxes.values()), tuple(lines), width, max(height, HEIGHT))


def _lines(box: Box, ways: Sequence[tuple[str, str]], boxes: Mapping[str, Box]) -> list[Line]:
    found, there = list[Line](), [(label, boxes[target]) for label, target in ways if target in boxes]
    for place, (label, to) in enumerate(there):
        start = box.x + WIDTH * (place + 1) // (len(there) + 1)
        top, end = box.y + HEIGHT, to.y
        half = (top + min(end, top + GAP_Y)) // 2
        path = f"M{start} {top} C{start} {half + 20} {to.middle} {end - 34} {to.middle} {end}"
        # The first one's label stands on the left of its line, so that two do not meet.
        left = place == 0 and len(there) > 1
        told = _short(label, 22) if len(ways) > 1 else ""
        found.append(
            Line(path, told, start + (-6 if left else 6), top + 14 + 13 * (place % 2), "end" if left else "start")
        )
    return found


def _short(text: str, most: int = 26) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
