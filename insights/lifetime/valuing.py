"""What customers are worth: fitted, expected, and held against what came. Pure; loads scipy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from insights.contracts import NotPossible
from insights.lifetime import bgnbd, gammagamma
from insights.lifetime.bgnbd import BgNbd
from insights.lifetime.contracts import Checked, Decile
from insights.lifetime.gammagamma import GammaGamma

Floats = npt.NDArray[np.float64]

FEWEST, FEWEST_AGAIN = 100, 30
# Parameters say no more when more customers are looked at.
_FITTED = 50_000
_SEED = 42
_FACTORS = (0.25, 4.0)


@dataclass(frozen=True, slots=True)
class Histories:
    """Of each customer: days with an order, days from the first to the last of them and to the instant, net value."""

    profile_ids: npt.NDArray[np.int64]
    orders: Floats
    last: Floats
    observed: Floats
    value: Floats

    def __len__(self) -> int:
        return len(self.profile_ids)

    @property
    def mean(self) -> Floats:
        return self.value / np.maximum(self.orders, 1)

    def take(self, some: npt.NDArray[np.int64]) -> "Histories":
        return Histories(*(getattr(self, name)[some] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Models:
    """How often, and how much."""

    often: BgNbd
    much: GammaGamma

    def alive(self, told: Histories) -> Floats:
        return self.often.alive(told.orders - 1, told.last, told.observed)

    def expected_orders(self, told: Histories, horizon: float) -> Floats:
        """Within so many days from the instant."""
        return self.often.expected(horizon, told.orders - 1, told.last, told.observed)

    def order_value(self, told: Histories) -> Floats:
        """What the next orders are worth, each."""
        return self.much.expected(told.orders, told.mean)

    def next_order(self, told: Histories) -> Floats:
        """Days until whoever is still a customer has ordered again with a probability of one half: the rate of a
        customer is gamma distributed given what they did, so nothing comes within t with ((alpha + T)/(alpha + T +
        t))^(r + x)."""
        still = self.often.alpha + told.observed
        return still * (2 ** (1 / (self.often.r + told.orders - 1)) - 1)


def fit(told: Histories) -> Models:
    """The models of these customers. Raises NotPossible, saying how many are missing."""
    again = int((told.orders > 1).sum())
    if len(told) < FEWEST or again < FEWEST_AGAIN:
        raise NotPossible(
            f"{len(told):,} people have an order ({FEWEST} are needed) and {again:,} of them ordered again on another"
            f" day ({FEWEST_AGAIN} are needed). Wait for more orders, or say what an order is under Insights, Orders."
        )
    some = told
    if len(told) > _FITTED:
        some = told.take(np.sort(np.random.default_rng(_SEED).choice(len(told), _FITTED, replace=False)))
    try:
        often = bgnbd.fit(some.orders - 1, some.last, some.observed)
        worth = some.mean > 0
        much = gammagamma.fit(some.orders[worth], some.mean[worth])
    except ValueError as wrong:
        raise NotPossible(
            f"These orders follow no such model ({wrong}). Look whether days and values of orders are right."
        ) from None
    return Models(often, much)


def check(told: Histories, orders: Floats, value: Floats, *, horizon: float) -> Checked:
    """What would have been expected of customers as they were at the begin of a window that has closed, beside the
    orders and the net value that came in it. Raises NotPossible."""
    models = fit(told)
    expected_orders = models.expected_orders(told, horizon)
    expected = expected_orders * models.order_value(told)
    order_factor, value_factor = (
        _factor(float(came.sum()), float(meant.sum())) for came, meant in ((orders, expected_orders), (value, expected))
    )
    return held(
        told, expected_orders, expected, orders, value, horizon=horizon, order_factor=order_factor,
        value_factor=value_factor,
    )  # fmt: skip


def held(
    told: Histories, expected_orders: Floats, expected: Floats, orders: Floats, value: Floats, *, horizon: float,
    order_factor: float, value_factor: float,
) -> Checked:  # fmt: skip
    """What was expected, of whichever method, beside what came; errors are after these factors."""
    calibrated = expected * value_factor
    naive = told.value / np.maximum(told.observed, horizon) * horizon
    order = np.argsort(-expected, kind="stable")
    deciles = [
        Decile(
            len(some), _mean(expected_orders[some] * order_factor), _mean(orders[some]), _mean(calibrated[some]),
            _mean(value[some]),
        )
        for some in np.array_split(order, 10)
    ]  # fmt: skip
    return Checked(
        len(told), float(orders.sum()), float(expected_orders.sum()), float(value.sum()), float(expected.sum()),
        order_factor, value_factor, _mean(np.abs(calibrated - value)), _mean(np.abs(naive - value)),
        _mean((calibrated - value) ** 2) ** 0.5, _mean((naive - value) ** 2) ** 0.5, deciles,
    )  # fmt: skip


def correlation(told: Histories) -> float:
    """Of how many orders and their mean value, among those who ordered again."""
    again = told.orders > 1
    x, y = told.orders[again], told.mean[again]
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 2 and x.std() > 0 and y.std() > 0 else 0.0


def _factor(came: float, meant: float) -> float:
    least, most = _FACTORS
    return min(max(came / meant, least), most) if meant > 0 and came > 0 else 1.0


def _mean(values: Floats | Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else 0.0
