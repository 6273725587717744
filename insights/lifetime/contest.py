"""Gradient boosting beside BG/NBD on the last closed window, and learned anew for now.

Nothing of the window that is judged is learned from: windows to learn from had closed when it began, and what is known
of them is what had come by their own ends. BG/NBD is calibrated on the window before the judged one, which is the
newest that boosting learned from, so neither has seen more of the level than the other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

import numpy as np

from insights.contracts import NotPossible, OrderSetting
from insights.features.compile import window_start
from insights.features.reading import features
from insights.lifetime import boosting, comparing
from insights.lifetime.boosting import Boosted, Examples, Recipe
from insights.lifetime.contracts import BGNBD, BOOSTING, Comparison
from insights.lifetime.reading import came, examples, expected_of, histories, leans_on, share_of
from insights.predictions.encoding import Floats

# Cut-offs to learn from, a third of the horizon apart: the window of the oldest ends when that of the newest begins.
_CUTOFFS = 4
# So many people show what values lean on.
_SHOWN = 5_000


@dataclass(frozen=True, slots=True)
class Judged:
    """Customers at the begin of the last closed window, and what came of them in it."""

    begin: datetime
    told: Any
    orders: Floats
    value: Floats


@dataclass(frozen=True, slots=True)
class Contest:
    """How it ended, what boosting expected at the begin of the judged window, and what it takes to learn anew."""

    comparison: Comparison
    expected: Floats
    recipe: Recipe
    names: Sequence[str]
    learned: Examples
    share: float


def judged(orders: OrderSetting, as_of: datetime, horizon: int) -> Judged | None:
    """The last closed window; None when nobody had been observed for so long before it."""
    begin = window_start(as_of, horizon, orders.zone)
    told = histories(orders, begin)
    if not len(told) or told.observed.max() < horizon:
        return None
    return Judged(begin, told, *came(orders, begin, as_of, told.profile_ids))


def windows(begin: datetime, horizon: int, zone: str) -> list[tuple[datetime, datetime]]:
    """Windows to learn from, the newest first, that had closed by the begin of the judged one."""
    starts = [window_start(begin, horizon + place * ceil(horizon / 3), zone) for place in range(_CUTOFFS)]
    return [(one, min(window_start(one, -horizon, zone), begin)) for one in starts]


def hold(last: Judged, *, orders: OrderSetting, horizon: int, step: Callable[[], None]) -> Contest:
    """Let both expect the judged window. Raises NotPossible when boosting, or BG/NBD at that time, has too little."""
    from insights.lifetime import valuing  # loads scipy

    among = windows(last.begin, horizon, orders.zone)
    names = list(features())
    # One more than there are: the judged window is learned from in the end.
    share = share_of(len(last.told), _CUTOFFS + 1)
    learned = boosting.enough(examples(names, among, orders=orders, share=share, step=step), horizon=horizon)
    recipe = boosting.choose(learned, step)
    model = boosting.fit(learned, recipe)
    models = valuing.fit(last.told)
    plain = models.expected_orders(last.told, horizon) * models.order_value(last.told)
    graph = plain * _factor_before(orders, among[0], horizon)
    trees = expected_of(model, last.told, as_of=last.begin, orders=orders, otherwise=graph, step=step)
    found = comparing.compare(
        {BGNBD: graph, BOOSTING: trees}, last.value, plain=plain, windows=len(np.unique(learned.starts)),
        rows=len(learned),
    )  # fmt: skip
    return Contest(found, trees, recipe, names, learned, share)


def learn_anew(
    found: Contest, last: Judged, *, orders: OrderSetting, as_of: datetime, step: Callable[[], None]
) -> tuple[Boosted, int]:  # fmt: skip
    """The model for now, of the judged window too, and of how many rows: as deep and long as was found without it."""
    newest = examples(found.names, [(last.begin, as_of)], orders=orders, share=found.share, step=step)
    whole = boosting.joined([*newest, found.learned])
    return boosting.fit(whole, found.recipe), len(whole)


def leans(model: Boosted, told: Any, *, orders: OrderSetting, as_of: datetime) -> list[tuple[str, float]]:
    """What the values of customers lean on most."""
    every = np.linspace(0, len(told) - 1, min(len(told), _SHOWN)).astype(np.int64)
    return leans_on(model, told.profile_ids[every], as_of=as_of, orders=orders)


def _factor_before(orders: OrderSetting, window: tuple[datetime, datetime], horizon: int) -> float:
    """By how much BG/NBD was off in the window before the judged one; 1 while it could not be fitted then."""
    from insights.lifetime import valuing

    starts, ends = window
    told = histories(orders, starts)
    try:
        return valuing.check(told, *came(orders, starts, ends, told.profile_ids), horizon=horizon).value_factor
    except NotPossible:
        return 1.0
