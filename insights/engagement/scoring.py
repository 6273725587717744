"""The score of features by weights. Pure; numpy only.

Each feature stands on a scale of its own that nobody else moves, so a score of today can be held against one of last
month: 100 times the weighted mean of the shares.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from insights.engagement.contracts import Part

Floats = npt.NDArray[np.float64]


def share(part: Part, values: Floats) -> Floats:
    """How much of what the part can give these values give, from 0 to 1; what is not known gives nothing."""
    known = np.nan_to_num(np.maximum(values, 0), nan=0.0, posinf=part.full)
    if part.falls:
        return np.asarray(np.where(np.isnan(values), 0.0, np.clip(1 - known / part.full, 0, 1)), dtype=np.float64)
    return np.asarray(np.minimum(np.log1p(known) / np.log1p(part.full), 1), dtype=np.float64)


def most(parts: Sequence[Part]) -> Floats:
    """The points that each part can give; together they are 100."""
    weights = np.array([one.weight for one in parts])
    return np.asarray(100 * weights / weights.sum(), dtype=np.float64)


def points(parts: Sequence[Part], rows: Floats) -> Floats:
    """The points that each part gives each person: a row for each; their sum is the score."""
    return np.asarray(
        np.column_stack([share(part, rows[:, place]) for place, part in enumerate(parts)]) * most(parts),
        dtype=np.float64,
    )
