"""RFM: scores, and the names of segments. Pure.

Scores are quintiles of ranks (Hughes, *Strategic Database Marketing*, 1994): 5 is the best fifth. Equal values share
their average rank and so their score, whatever the order of the rows. The names are the convention of the field over
recency on one side and frequency with monetary value on the other; no theory stands behind their borders.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SCORES = 5
# By score of recency (rows 1 to 5), then by that of frequency and monetary value (columns 1 to 5).
_GRID = (
    ("Hibernating", "Hibernating", "At risk", "At risk", "Can't lose them"),
    ("Hibernating", "Hibernating", "At risk", "At risk", "Can't lose them"),
    ("About to sleep", "About to sleep", "Need attention", "Loyal customers", "Loyal customers"),
    ("Promising", "Potential loyalists", "Potential loyalists", "Loyal customers", "Loyal customers"),
    ("New customers", "Potential loyalists", "Potential loyalists", "Champions", "Champions"),
)
ADVICE = {
    "Champions": "Bought lately, often and much. Reward them; let them try what is new first.",
    "Loyal customers": "Buy often. Offer more of what they like, and ask for reviews.",
    "Potential loyalists": "Bought lately, and more than once. A membership or a second offer binds them.",
    "New customers": "Bought lately, and hardly before. Help them to begin.",
    "Promising": "Bought not long ago, seldom and little. Show them what there is.",
    "Need attention": "Average in all. An offer for a short time brings them back.",
    "About to sleep": "Below average, and it has been a while. Win them back before they forget.",
    "At risk": "Bought often, but long ago. Write to them in person.",
    "Can't lose them": "Were among the best, and have not been here for long. Talk to them.",
    "Hibernating": "Bought little and long ago. Do not spend much on them.",
}


def scores(values: Floats) -> Ints:
    """1 to 5 by the average rank of each value among all; equal values get equal scores."""
    if not len(values):
        return np.empty(0, dtype=np.int64)
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    average = (last - counts + 1 + last) / 2
    share = (average - 0.5) / len(values)
    return np.minimum((share * SCORES).astype(np.int64) + 1, SCORES)[inverse]


def value_score(frequency: Ints, monetary: Ints) -> Ints:
    """Frequency and monetary value as one score: their mean, halves rounded up."""
    return (frequency + monetary + 1) // 2


def segment_of(recency: int, value: int) -> str:
    """The name of one cell of the grid."""
    return _GRID[recency - 1][value - 1]


def segments(recency: Ints, value: Ints) -> list[str]:
    """The segment of each person."""
    return [_GRID[r - 1][v - 1] for r, v in zip(recency.tolist(), value.tolist(), strict=True)]
