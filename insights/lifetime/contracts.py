"""Shapes of customer lifetime value. No Django."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

HORIZONS = (30, 60, 90, 180, 365)
USUAL_HORIZON = 90


class BadLifetime(ValueError):
    """A setting that cannot be; the message names the field and says what to do."""


@dataclass(frozen=True, slots=True)
class Decile:
    """A tenth of the customers by what was expected of them, the best first: means of one customer in the window that
    was held against."""

    people: int
    expected_orders: float
    orders: float
    expected_value: float
    value: float


@dataclass(frozen=True, slots=True)
class Checked:
    """What would have been expected at the begin of the last closed window, beside what came. `order_factor` and
    `value_factor`: by which expectations are now multiplied. Errors are of one customer's value; `naive` is that of
    going on as before."""

    people: int
    orders: float
    expected_orders: float
    value: float
    expected_value: float
    order_factor: float
    value_factor: float
    mean_error: float
    naive_mean_error: float
    squared_error: float
    naive_squared_error: float
    deciles: Sequence[Decile]


@dataclass(frozen=True, slots=True)
class LifetimeView:
    """The newest computation. `check` is None while history is too short for one. `correlation` is that of orders and
    their mean value among those who ordered again: the model asks that it is small."""

    run_id: int
    as_of: datetime
    currency: str
    horizon_days: int
    people: int
    again: int
    alive: float
    expected_orders: float
    expected_value: float
    correlation: float
    order_parameters: Sequence[float]
    value_parameters: Sequence[float]
    check: Checked | None
