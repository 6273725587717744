"""Groups keep their id from run to run: matched by the people they share. Pure.

The matching is the one of greatest overlap (the Hungarian method; Kuhn 1955). A group that shares too little with any
group of before is new, and gets an id that was never used.
"""

from collections.abc import Sequence

import numpy as np

from insights.clusters.grouping import Ints

# Of the people in either, at least this share is in both (Jaccard's index); less is chance.
_LEAST_SHARED = 0.2


def match(groups: Ints, before: Sequence[str | None], *, count: int, next_id: int) -> tuple[list[str], int]:
    """The id of each new group, and the next id that is free. `before` is each person's id of the last run."""
    from scipy.optimize import linear_sum_assignment

    old = sorted({one for one in before if one and one != "none"})
    ids: list[str | None] = [None] * count
    if old:
        places = {name: place for place, name in enumerate(old)}
        then = np.array([places.get(one or "", -1) for one in before], dtype=np.int64)
        shared = np.zeros((count, len(old)))
        inside = (groups >= 0) & (then >= 0)
        np.add.at(shared, (groups[inside], then[inside]), 1)
        # Whoever is new in the base speaks neither for nor against.
        sizes = np.bincount(groups[inside], minlength=count)[:, None] + np.bincount(then[inside], minlength=len(old))
        jaccard = shared / np.maximum(sizes - shared, 1)
        for new, place in zip(*linear_sum_assignment(-shared), strict=True):
            if jaccard[new, place] >= _LEAST_SHARED:
                ids[int(new)] = old[int(place)]
    free = next_id
    for place, name in enumerate(ids):
        if name is None:
            ids[place], free = f"c{free}", free + 1
    return [str(name) for name in ids], free
