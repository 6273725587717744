"""When figures are not as they used to be. Pure.

Volume is held against the same weekday of the last eight weeks by median and MAD (the modified z-score of Iglewicz and
Hoaglin, 1993, with its threshold 3.5), so that one odd week neither hides nor makes an alert.
"""

from collections.abc import Sequence
from datetime import timedelta
from math import sqrt
from statistics import median

_SIGMA = 1.4826
_THRESHOLD = 3.5
# Below so many events a day a difference says little.
_LEAST = 20
# A difference that is smaller than this share is of no interest, however regular the source.
_TOLERANCE = 0.3
_WEEKS = 4


def usual_volume(before: Sequence[int]) -> tuple[float, float] | None:
    """(least, greatest) that is usual, from the volumes of the same weekday; None when too little is known."""
    if len(before) < _WEEKS or median(before) < _LEAST:
        return None
    middle = median(before)
    spread = median(abs(one - middle) for one in before) * _SIGMA
    # Counts vary by their root by themselves (Poisson).
    width = max(_THRESHOLD * spread, _TOLERANCE * middle, _THRESHOLD * sqrt(middle))
    return max(0.0, middle - width), middle + width


def longest_silence(volumes: Sequence[int], hours: float) -> timedelta | None:
    """How long it may be silent: a day, or five times the usual pause if that is longer. None for what does not come on
    most days. `volumes` are those of full days that span `hours`."""
    if sum(one > 0 for one in volumes) < 0.7 * len(volumes) or not sum(volumes):
        return None
    return max(timedelta(days=1), timedelta(hours=5 * hours / sum(volumes)))


def too_empty(filled: int, looked_at: int, *, before_filled: int, before_looked_at: int) -> bool:
    """Whether a property is filled less often: by more than three standard errors and twenty points."""
    if looked_at < 50 or before_looked_at < 200:
        return False
    usual, share = min(1.0, before_filled / before_looked_at), filled / looked_at
    return share < usual - max(3 * sqrt(usual * (1 - usual) / looked_at), 0.2)


def too_faulty(faulty: int, judged: int, *, before_faulty: int, before_judged: int) -> bool:
    """Whether the share of what does not hold has risen: by more than three standard errors and two points."""
    if faulty < 10 or before_judged < 100 or not judged:
        return False
    usual, share = before_faulty / before_judged, faulty / judged
    return share > usual + max(3 * sqrt(usual * (1 - usual) / judged), 0.02)
