"""How far each person comes, out of the events that are steps. Pure; numpy only.

Every first step is an attempt. From there each step is the earliest event after the one before that fits, which
reaches as far as any other choice would: whatever can follow a later event can follow an earlier one. A person's best
attempt is the one that comes furthest, the earliest of equals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Walks:
    """The best attempt of each person who took the first step: `rows[k]` is the row of step k, -1 beyond `levels`."""

    persons: Ints
    levels: Ints
    rows: Ints


def walk(
    *, person: Ints, at: Ints, place: Ints, bits: Ints, steps: int, within: int, strict: bool,
    starts: npt.NDArray[np.bool_],
) -> Walks:  # fmt: skip
    """`person`, `at` (any unit, that of `within`), `place` (counting all of a person's events) and `bits` (bit k: it is
    step k) of each event, ordered by person and place. An attempt begins where `starts` holds."""
    first = np.flatnonzero(((bits & 1) == 1) & starts)
    found = np.full((steps, len(first)), -1, dtype=np.int64)
    found[0] = first
    going = np.arange(len(first))
    for step in range(1, steps):
        fitting = np.flatnonzero((bits >> step) & 1)
        here = found[step - 1, going]
        if strict:
            there = here + 1
            there[there == len(bits)] = 0
            good = (
                (person[there] == person[here]) & (place[there] == place[here] + 1) & ((bits[there] >> step) & 1 == 1)
            )
        else:
            spot = np.searchsorted(fitting, here, side="right")
            good = spot < len(fitting)
            there = fitting[np.where(good, spot, 0)] if len(fitting) else here
            good &= person[there] == person[here]
        good &= at[there] - at[found[0, going]] <= within
        going = going[good]
        found[step, going] = there[good]
    levels = (found >= 0).sum(axis=0)
    # By person, then the furthest, then the earliest: the first of each person is the best.
    order = np.lexsort((first, -levels, person[first]))
    persons, best = np.unique(person[first][order], return_index=True)
    chosen = order[best]
    return Walks(persons, levels[chosen].astype(np.int64), found[:, chosen])


def medians(walks: Walks, at: Ints, inside: npt.NDArray[np.bool_]) -> list[float | None]:
    """The median time from each step to the next, in the unit of `at`, of those who took both."""
    found: list[float | None] = []
    for step in range(1, len(walks.rows)):
        some = inside & (walks.levels > step)
        times = at[walks.rows[step, some]] - at[walks.rows[step - 1, some]]
        found.append(float(np.median(times)) if len(times) else None)
    return found


def reached(levels: Ints, steps: int) -> list[int]:
    """How many came at least to each step."""
    return [int((levels > step).sum()) for step in range(steps)]


END, OTHER = "(nothing more)", "(others)"


def grouped(
    rows: Sequence[tuple[Sequence[str | None], int]], *, event: str, top: int
) -> list[tuple[int, str, str, int]]:
    """(level, here, there, count) of ways with how often each was taken: the `top` events of each place by name, the
    rest together. A way that ends has None from there on."""
    levels = max((len(way) for way, _ in rows), default=0)
    named: list[set[str]] = []
    for level in range(levels):
        counts: dict[str, int] = {}
        for way, count in rows:
            if (name := way[level]) is not None:
                counts[name] = counts.get(name, 0) + count
        named.append(set(sorted(counts, key=lambda one: (-counts[one], one))[:top]))
    links: dict[tuple[int, str, str], int] = {}
    for way, count in rows:
        here = event
        for level, name in enumerate(way):
            there = END if name is None else name if name in named[level] else OTHER
            links[(level + 1, here, there)] = links.get((level + 1, here, there), 0) + count
            if name is None:
                break
            here = there
    return [(*key, count) for key, count in sorted(links.items(), key=lambda one: (one[0][0], -one[1], one[0]))]
